//! `rename-command`: other names for commands, or none at all, so that not everybody can use them (config.c 7.0.15).
//!
//! The command table is data and the same for every node; what a node's configuration changes lies in front of it. Redis
//! looks up everything by the new names, what it reads back from its append-only file included, because that holds
//! commands as they were sent.

use super::table::{self, CommandId, Resolved};
use crate::config::{ConfigError, RenamedCommand};
use litemap::LiteMap;

/// The names that are not those of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renames {
    /// In lower case: a new name with its command, an old one without.
    names: LiteMap<Vec<u8>, Option<CommandId>>,
}

impl Renames {
    /// Reads the `rename-command` lines of a configuration, in their order.
    ///
    /// # Errors
    /// A line names a command that there is not, or gives a name that is taken.
    pub(crate) fn new(lines: &[RenamedCommand]) -> Result<Renames, ConfigError> {
        let mut renames = Renames::default();
        for RenamedCommand { from, to, line } in lines {
            let Some(command) = renames.lookup(from) else {
                return Err(ConfigError::at(line.clone(), "No such command in rename-command"));
            };
            renames.names.insert(from.to_ascii_lowercase(), None);
            if to.is_empty() {
                continue;
            }
            if renames.lookup(to).is_some() {
                return Err(ConfigError::at(line.clone(), "Target command name already exists"));
            }
            renames.names.insert(to.to_ascii_lowercase(), Some(command));
        }
        Ok(renames)
    }

    fn lookup(&self, name: &[u8]) -> Option<CommandId> {
        match self.names.get(&name.to_ascii_lowercase()) {
            Some(renamed) => *renamed,
            None => table::lookup(name),
        }
    }

    /// What the first words of a request name.
    pub(crate) fn resolve(&self, args: &[&[u8]]) -> Resolved {
        let second = args.get(1).copied();
        if self.names.is_empty() {
            return table::resolve(args[0], second);
        }
        match self.lookup(args[0]) {
            Some(command) => table::resolve(command.name().as_bytes(), second),
            None => Resolved::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn renames(text: &str) -> Result<Renames, String> {
        let config = Config::parse(text).map_err(|error| error.to_string())?;
        Renames::new(&config.rename_commands).map_err(|error| error.reason)
    }

    #[test]
    fn a_command_has_its_new_name_alone() {
        let renames = renames(
            "rename-command CONFIG hidden\nrename-command flushall \"\"\nrename-command GET config\n",
        );
        let renames = renames.expect("every line is right");
        let name = |words: &[&str]| {
            let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
            match renames.resolve(&words) {
                Resolved::Command(command) => command.name().to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(name(&["HIDDEN", "get"]), "config|get");
        assert_eq!(name(&["FlushAll"]), "Unknown");
        assert_eq!(name(&["config", "get"]), "get");
        assert_eq!(name(&["get", "key"]), "Unknown");
        assert_eq!(name(&["set", "key"]), "set");
    }

    #[test]
    fn a_name_that_is_wrong_or_taken_is_an_error() {
        assert_eq!(
            renames("rename-command nope x\n").err().as_deref(),
            Some("No such command in rename-command")
        );
        assert_eq!(
            renames("rename-command get set\n").err().as_deref(),
            Some("Target command name already exists")
        );
        let twice = renames("rename-command get \"\"\nrename-command get x\n");
        assert_eq!(twice.err().as_deref(), Some("No such command in rename-command"));
    }
}
