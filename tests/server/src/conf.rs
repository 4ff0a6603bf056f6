//! Reading the configuration on a real machine: files, wildcards in includes, the working directory.
//!
//! The node reads its configuration itself, from text. The host reads it first, to find out where to listen and log, and hands
//! the node one text in which includes are replaced by what they include and relative paths mean the directory that the
//! process was started in.

use std::path::{Path, PathBuf};
use vitrine_core::config::text::{quote, split_args};
use vitrine_core::config::{Config, ConfigError, ConfigFiles};

/// Everything the host needs to start a node.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The configuration, read.
    pub config: Config,
    /// The configuration as text, for the node.
    pub conf_text: String,
    /// The absolute path of the configuration file.
    pub conf_path: Option<String>,
    /// The working directory: `dir`.
    pub dir: PathBuf,
}

/// The files of this machine, seen from a directory.
struct Machine {
    dir: PathBuf,
}

impl ConfigFiles for Machine {
    fn include(&mut self, path: &str) -> Result<String, String> {
        if !path.contains(['*', '?', '[']) {
            return read(&self.dir.join(path));
        }
        let pattern = self.dir.join(path);
        let found = glob::glob(&pattern.to_string_lossy()).map_err(|e| e.to_string())?;
        let mut text = String::new();
        for path in found.flatten() {
            text.push_str(&read(&path)?);
        }
        Ok(text)
    }

    fn change_dir(&mut self, path: &str) -> Result<(), String> {
        let dir = self.dir.join(path);
        // What chdir would say: reading the metadata of `dir/.` fails in the same ways.
        std::fs::metadata(dir.join(".")).map_err(|e| strerror(&e))?;
        self.dir = dir.canonicalize().map_err(|e| strerror(&e))?;
        Ok(())
    }

    fn check_log_file(&mut self, path: &str) -> Result<(), String> {
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(self.dir.join(path));
        opened.map(drop).map_err(|e| strerror(&e))
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|e| strerror(&e))
}

/// The operating system's text for an error, without Rust's `(os error N)`.
pub fn strerror(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_string(),
        None => text,
    }
}

/// Reads a configuration: the file if there is one, then the text from standard input, then options. Relative paths are seen from `start`.
///
/// # Errors
/// What redis-server prints before it exits.
pub fn load_settings(
    start: &Path,
    file: Option<&str>,
    stdin: Option<&str>,
    options: &str,
) -> Result<Settings, ConfigError> {
    let conf_path = file.map(|f| start.join(f));
    let mut text = String::new();
    if let (Some(path), Some(name)) = (&conf_path, file) {
        let _ = name;
        let shown = path.to_string_lossy().into_owned();
        text = read(path).map_err(|e| ConfigError::unreadable(&shown, &e))?;
    }
    text.push_str(stdin.unwrap_or_default());
    text.push('\n');
    text.push_str(options);

    let mut machine = Machine { dir: start.to_path_buf() };
    let mut config = Config::parse_with(&text, &mut machine)?;
    config.dir = machine.dir.to_string_lossy().into_owned();

    // `dir` comes last and absolute, so that the node has no need of the directory that the process was started in.
    let mut conf_text = String::new();
    flatten(&text, &mut Machine { dir: start.to_path_buf() }, &mut conf_text, 0);
    conf_text.push_str(&format!("\ndir {}\n", quote(config.dir.as_bytes())));
    if config.daemonize && config.pidfile.is_none() {
        config.pidfile = Some("/var/run/redis.pid".to_string());
        conf_text.push_str("pidfile /var/run/redis.pid\n");
    }
    Ok(Settings {
        conf_text,
        conf_path: conf_path.map(|p| p.to_string_lossy().into_owned()),
        dir: machine.dir,
        config,
    })
}

/// Puts included files in the place of `include` lines. The text has been parsed before, so nothing fails here any more.
fn flatten(text: &str, machine: &mut Machine, out: &mut String, depth: u32) {
    for line in text.lines() {
        let words = split_args(line.trim().as_bytes()).unwrap_or_default();
        let word =
            |i: usize| words.get(i).map(|w| String::from_utf8_lossy(w).into_owned()).unwrap_or_default();
        if words.len() == 2 && word(0).eq_ignore_ascii_case("include") {
            if let Ok(included) = machine.include(&word(1))
                && depth < 16
            {
                flatten(&included, machine, out, depth + 1);
            }
            continue;
        }
        if words.len() == 2 && word(0).eq_ignore_ascii_case("dir") {
            let _ = machine.change_dir(&word(1));
            continue;
        }
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_and_dir_are_resolved() {
        let dir = std::env::temp_dir().join(format!("vitrine-conf-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("data")).unwrap();
        std::fs::create_dir_all(dir.join("conf.d")).unwrap();
        std::fs::write(dir.join("conf.d/a.conf"), "port 7001\n").unwrap();
        std::fs::write(dir.join("conf.d/b.conf"), "hz 20\n").unwrap();
        std::fs::write(dir.join("main.conf"), "include conf.d/*.conf\ninclude none/*.conf\ndir ./data\n")
            .unwrap();
        let settings = load_settings(&dir, Some("main.conf"), None, "save \"\"").unwrap();
        assert_eq!((settings.config.port, settings.config.hz), (7001, 20));
        assert_eq!(settings.dir, dir.canonicalize().unwrap().join("data"));
        let again = Config::parse(&settings.conf_text).unwrap();
        assert_eq!(again, settings.config);
        let missing = load_settings(&dir, Some("nothing.conf"), None, "").unwrap_err().to_string();
        assert!(missing.ends_with("nothing.conf': No such file or directory\n"), "{missing}");
        let bad = load_settings(&dir, None, None, "dir nowhere").unwrap_err();
        assert_eq!((bad.line.unwrap().number, bad.reason.as_str()), (2, "No such file or directory"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
