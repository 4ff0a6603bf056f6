//! A notation for what arguments a command takes, so that the table stays readable; COMMAND DOCS shows it as a tree.
//!
//! Arguments stand in order, with blanks between. Each has, in this order:
//! - a token in front of it, in capitals, and `=`: `EX=seconds:int`. A token that stands alone ends in `!`: `NX!`, and is
//!   named like its token in lower case unless a name follows: `ID!id-token`;
//! - its name in lower case;
//! - its type: `:int`, `:double`, `:pattern`, `:time`, `:key`, or none for a string. A group has its arguments in brackets
//!   instead, `=(a b)` for all of them and `=(a | b)` for one of them (`=|(a)` if there is only one to choose);
//! - `#n`: the key spec that finds it, which makes it a key unless it has another type;
//! - `*` if it may be repeated, `**` if its token is repeated with it; `?` if it may be left out;
//! - `@version`: since when; `^version`: deprecated since when.
//!
//! A token or name with characters of its own stands in single quotes.

/// The type of an argument in COMMAND DOCS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum ArgType {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl ArgType {
    /// The name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            ArgType::String => "string",
            ArgType::Integer => "integer",
            ArgType::Double => "double",
            ArgType::Key => "key",
            ArgType::Pattern => "pattern",
            ArgType::UnixTime => "unix-time",
            ArgType::PureToken => "pure-token",
            ArgType::OneOf => "oneof",
            ArgType::Block => "block",
        }
    }
}

/// One argument, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ArgType,
    /// The word in front of it, or that it is.
    pub token: Option<&'static str>,
    /// Which of the command's key specs finds it.
    pub key_spec: Option<u8>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be repeated.
    pub multiple: bool,
    /// Whether its token is repeated with it.
    pub multiple_token: bool,
    /// The version that had it first, if later than the command.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// What is in the group.
    pub args: Vec<Arg>,
}

/// Reads the notation of [`super::CommandSpec::args`]. Gives what it could read: the table's tests see to it that that
/// is everything.
pub fn parse_args(text: &'static str) -> Vec<Arg> {
    Reader { rest: text }.list(0).0
}

/// How deep groups may nest.
const DEPTH_MAX: usize = 16;

struct Reader {
    rest: &'static str,
}

impl Reader {
    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'static str {
        let end = self.rest.find(|c| !accept(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> &'static str {
        if self.take("'") {
            let word = self.take_while(|c| c != '\'');
            self.take("'");
            word
        } else {
            self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        }
    }

    /// The arguments up to a closing bracket or the end, and whether there was a `|` between them.
    fn list(&mut self, depth: usize) -> (Vec<Arg>, bool) {
        let (mut args, mut choice) = (Vec::new(), false);
        loop {
            self.take_while(|c| c == ' ');
            if self.take("|") {
                choice = true;
            } else if self.rest.is_empty() || self.take(")") || depth > DEPTH_MAX {
                return (args, choice);
            } else {
                let before = self.rest.len();
                args.push(self.arg(depth));
                if self.rest.len() == before {
                    return (args, choice);
                }
            }
        }
    }

    fn arg(&mut self, depth: usize) -> Arg {
        let first = self.word();
        let mut arg = Arg {
            name: first.to_string(),
            kind: ArgType::String,
            token: None,
            key_spec: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            since: None,
            deprecated_since: None,
            args: Vec::new(),
        };
        if self.take("!") {
            let name = self.word();
            arg.kind = ArgType::PureToken;
            arg.token = Some(first);
            arg.name = if name.is_empty() { first.to_ascii_lowercase() } else { name.to_string() };
        } else if self.rest.starts_with('=') && !self.rest.starts_with("=(") && !self.rest.starts_with("=|(")
        {
            self.take("=");
            arg.token = Some(first);
            arg.name = self.word().to_string();
        }
        let single_choice = self.take("=|(");
        if single_choice || self.take("=(") {
            let (args, choice) = self.list(depth + 1);
            arg.args = args;
            arg.kind = if single_choice || choice { ArgType::OneOf } else { ArgType::Block };
        } else if self.take(":") {
            arg.kind = match self.word() {
                "int" => ArgType::Integer,
                "double" => ArgType::Double,
                "pattern" => ArgType::Pattern,
                "time" => ArgType::UnixTime,
                _ => ArgType::Key,
            };
        }
        if self.take("#") {
            arg.key_spec = self.take_while(|c| c.is_ascii_digit()).parse().ok();
            if arg.kind == ArgType::String {
                arg.kind = ArgType::Key;
            }
        }
        arg.multiple = self.take("*");
        arg.multiple_token = self.take("*");
        arg.optional = self.take("?");
        let version = |c: char| c.is_ascii_digit() || c == '.';
        arg.since = self.take("@").then(|| self.take_while(version));
        arg.deprecated_since = self.take("^").then(|| self.take_while(version));
        arg
    }
}

#[cfg(test)]
mod tests {
    use super::super::CommandId;
    use super::*;

    /// The notation of an argument: what [`parse_args`] undoes.
    fn write(args: &[Arg], between: &str) -> String {
        let word = |w: &str| {
            let plain = !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if plain { w.to_string() } else { format!("'{w}'") }
        };
        let one = |arg: &Arg| {
            let mut out = String::new();
            if arg.kind == ArgType::PureToken {
                let token = arg.token.unwrap();
                out += &format!("{}!", word(token));
                if arg.name != token.to_ascii_lowercase() {
                    out += &word(&arg.name);
                }
            } else {
                if let Some(token) = arg.token {
                    out += &format!("{}=", word(token));
                }
                out += &word(&arg.name);
            }
            out += &match arg.kind {
                ArgType::OneOf if arg.args.len() == 1 => format!("=|({})", write(&arg.args, " ")),
                ArgType::OneOf => format!("=({})", write(&arg.args, " | ")),
                ArgType::Block => format!("=({})", write(&arg.args, " ")),
                ArgType::Integer => ":int".into(),
                ArgType::Double => ":double".into(),
                ArgType::Pattern => ":pattern".into(),
                ArgType::UnixTime => ":time".into(),
                ArgType::Key if arg.key_spec.is_none() => ":key".into(),
                _ => String::new(),
            };
            if let Some(index) = arg.key_spec {
                out += &format!("#{index}");
            }
            out += if arg.multiple_token {
                "**"
            } else if arg.multiple {
                "*"
            } else {
                ""
            };
            out += if arg.optional { "?" } else { "" };
            out += &arg.since.map_or(String::new(), |version| format!("@{version}"));
            out += &arg.deprecated_since.map_or(String::new(), |version| format!("^{version}"));
            out
        };
        args.iter().map(one).collect::<Vec<_>>().join(between)
    }

    #[test]
    fn every_commands_arguments_are_read_to_the_last_character() {
        for id in CommandId::all() {
            let text = id.spec().args;
            assert_eq!(write(&parse_args(text), " "), text, "{}", id.name());
        }
    }
}
