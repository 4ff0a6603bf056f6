//! The command line of redis-server (`main`, server.c 7.0.15): `[file.conf] [--directive value …] [-]`.
//!
//! Options are nothing but further lines of the configuration file, so they are put together into text.

use vitrine_core::config::text::{quote, split_args};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Start a server.
    Serve {
        /// The configuration file.
        file: Option<String>,
        /// Whether more configuration comes on standard input.
        stdin: bool,
        /// Further lines of configuration.
        options: String,
        /// Whether there were no arguments at all.
        bare: bool,
    },
    /// Print the version.
    Version,
    /// Print the usage and fail.
    Usage,
    /// Something that this server has no use for; print the text and fail.
    Refused(String),
}

/// Reads the command line; the first argument is the program's name.
pub fn parse_args(args: &[String]) -> Invocation {
    let mut rest = args.get(1..).unwrap_or(&[]);
    match rest.first().map(String::as_str) {
        Some("-v" | "--version") => return Invocation::Version,
        Some("-h" | "--help") => return Invocation::Usage,
        Some("--test-memory") => {
            return Invocation::Refused(
                "There is no memory test here; use redis-server --test-memory.\n".into(),
            );
        }
        Some("--check-system") => {
            return Invocation::Refused(
                "There is no system check here; use redis-server --check-system.\n".into(),
            );
        }
        _ => {}
    }
    let bare = rest.is_empty();
    let mut file = None;
    if let Some(first) = rest.first()
        && !first.starts_with('-')
    {
        file = Some(first.clone());
        rest = &rest[1..];
    }
    let mut stdin = false;
    let mut options = String::new();
    // Whether the option before has its value, so that the next `--word` is an option and no value.
    let mut complete = true;
    for (j, arg) in rest.iter().enumerate() {
        let next_is_option = rest.get(j + 1).is_some_and(|a| a.starts_with("--"));
        let last = j + 1 == rest.len();
        if arg == "-" && (last || (j == 0 && file.is_none())) {
            stdin = true;
        } else if complete && arg.starts_with("--") {
            if !options.is_empty() {
                options.push('\n');
            }
            options.push_str(&arg[2..]);
            options.push(' ');
            // `--port` alone, or `--port 6380` in one argument?
            complete = split_args(arg.as_bytes()).is_none_or(|words| words.len() != 1);
            if !complete && (last || next_is_option) {
                // `--save` without a value means none; `--sentinel` never has one.
                if arg.eq_ignore_ascii_case("--save") {
                    options.push_str("\"\"");
                    complete = true;
                } else if arg.eq_ignore_ascii_case("--sentinel") {
                    complete = true;
                }
            }
        } else {
            options.push_str(&quote(arg.as_bytes()));
            options.push(' ');
            complete = true;
        }
    }
    Invocation::Serve { file, stdin, options, bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> (Option<String>, bool, String) {
        let args: Vec<String> = ["redis-server"].iter().chain(args).map(|a| a.to_string()).collect();
        match parse_args(&args) {
            Invocation::Serve { file, stdin, options, .. } => (file, stdin, options),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn options_become_lines() {
        let (file, stdin, text) =
            options(&["a.conf", "--port", "7001", "--save", "60", "1", "--daemonize no", "-"]);
        assert_eq!(file.as_deref(), Some("a.conf"));
        assert!(stdin);
        assert_eq!(text, "port \"7001\" \nsave \"60\" \"1\" \ndaemonize no ");
    }

    #[test]
    fn an_empty_save_is_none() {
        assert_eq!(options(&["--save", "--port", "1"]).2, "save \"\"\nport \"1\" ");
        assert_eq!(options(&["--save"]).2, "save \"\"");
        assert_eq!(options(&["--save", ""]).2, "save \"\" ");
        assert_eq!(options(&["--requirepass", "--x"]).2, "requirepass \"--x\" ");
    }

    #[test]
    fn standard_input_may_come_first() {
        assert_eq!(options(&["-", "--port", "1"]), (None, true, "port \"1\" ".to_string()));
    }
}
