//! The form that makes a `workload` line, as data: its fields, what people want to see first, the line of what is in it, the form of
//! a line, and what is wrong with it.

use vitrine_core::sim::fault::Action;
use vitrine_core::sim::scenario::{Command, Names, line_of, parse_line, show_name};

/// What can be chosen, each with the text that it adds to the line.
pub type Choice = (&'static str, &'static str);

/// A field: its name, the words of the line before its value (none if the value is words itself), what is so if it is empty, what it is, and what can
/// be chosen (nothing for what is typed).
#[derive(Clone, Copy)]
pub struct Field(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub &'static [Choice],
);

/// The fields, in the order in which the language writes what they are.
pub static FIELDS: [Field; 17] = [
    Field("Clients", "clients", "10", "How many applications talk to the cluster", &[]),
    Field(
        "Seeds",
        "seeds",
        "every node",
        "The nodes that the clients know at first, by name; client 1 asks the first, client 2 the second. Give groups of clients other seeds by starting one workload for each",
        &[],
    ),
    Field("Rate", "rate", "1000", "Operations a second, of all clients together", &[]),
    Field("Keys", "keys", "10000", "How many keys there are", &[]),
    Field(
        "Which keys",
        "",
        "",
        "How often each key is asked for",
        &[
            ("all alike", ""),
            ("few very often (zipf 0.99)", "zipf 0.99"),
            ("mostly one slot", "hot-slot 866 90%"),
            ("one after the other", "sequential"),
        ],
    ),
    Field("Values", "values", "32B", "The length of a value: 64B, 1KiB, or 64B to 1KiB", &[]),
    Field("Reads", "reads", "50%", "How many of a hundred operations read", &[]),
    Field(
        "Operations",
        "",
        "",
        "What they do",
        &[
            ("SET and GET", ""),
            ("counters", "counters 1"),
            ("transactions (MULTI, EXEC)", "transactions 1"),
            ("lists", "lists 1"),
            ("hashes", "hashes 1"),
            ("sets", "sets 1"),
            ("of everything", "strings 4 counters 1 lists 1 hashes 1 sets 1 multi-keys 1 transactions 1"),
            ("PUBLISH beside SET", "strings 1 publish 1"),
            ("SPUBLISH beside SET", "strings 1 shard-publish 1"),
        ],
    ),
    Field(
        "WAIT",
        "",
        "",
        "Behind every write, wait for replicas",
        &[
            ("no", ""),
            ("for 1 replica, 100 ms", "wait 1 within 100ms"),
            ("for 2 replicas, 1 s", "wait 2 within 1s"),
        ],
    ),
    Field(
        "Reads go to",
        "",
        "",
        "READONLY on replicas: faster, and sometimes stale",
        &[("masters", ""), ("replicas too", "replica-reads")],
    ),
    Field("Subscribers", "subscribers", "0", "Further connections that SUBSCRIBE", &[]),
    Field(
        "Pub/sub",
        "",
        "",
        "Which kind of channels subscribers hear",
        &[("every node", ""), ("sharded", "shard-channels")],
    ),
    Field("Pipeline", "pipeline", "1", "How many commands of a client may be under way at once", &[]),
    Field("Time-out", "timeout", "1s", "After how long without an answer an operation is given up", &[]),
    Field(
        "Retries",
        "retries",
        "16",
        "How often an operation that was certainly not executed is tried again",
        &[],
    ),
    Field("In all", "operations", "no end", "After how many operations it ends", &[]),
    Field(
        "More",
        "",
        "nothing",
        "What has no field of its own: think 5ms (in place of a rate), prefix user:, channels 5, backoff 10ms, long-tail 64B to 64KiB (in place of values), password abc123 (AUTH on every connection)",
        &[],
    ),
];

/// The words of the last field, which takes what no other has.
const MORE: [&str; 6] = ["think", "prefix", "channels", "backoff", "long-tail", "password"];

/// What people want to see first: the name of the workload, what it is, and values of fields by their place.
pub type Preset = (&'static str, &'static str, &'static [(usize, &'static str)]);
/// See [`Preset`].
pub static PRESETS: [Preset; 4] = [
    ("load", "1,000 writes a second", &[(2, "1000"), (6, "0%")]),
    (
        "sessions",
        "Session store",
        &[
            (0, "50"),
            (2, "500"),
            (3, "5000"),
            (4, "zipf 0.99"),
            (5, "200B to 2KiB"),
            (6, "80%"),
            (7, "hashes 1"),
        ],
    ),
    ("hot", "Hot slot", &[(2, "800"), (4, "hot-slot 866 90%"), (6, "50%")]),
    ("readers", "Read replicas", &[(2, "800"), (3, "200"), (6, "90%"), (9, "replica-reads")]),
];

/// What is in the form.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The workload's name.
    pub name: String,
    /// The values of [`FIELDS`]; empty for what is usual. What can be chosen has the text of a [`Choice`], or another that a line had in its place.
    pub values: Vec<String>,
}

/// The words of a line, those in quotes as they stand.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = move |c: char| {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        c.is_whitespace() && !quoted
    };
    line.split(parts).filter(|word| !word.is_empty())
}

/// The field that an option belongs to; `None` for what is no option.
fn field_of(word: &str) -> Option<usize> {
    let letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let has = |Field(_, own, .., choices): &Field| {
        *own == word || choices.iter().any(|(_, text)| text.split(' ').any(|other| other == word))
    };
    let more = || MORE.contains(&word).then_some(FIELDS.len() - 1);
    FIELDS.iter().position(has).or_else(more).filter(|_| letter)
}

/// The password that clients of a world need, by the redis.conf of its nodes; empty if they need none.
pub fn password<'a>(confs: impl IntoIterator<Item = &'a str>) -> String {
    let own = |line: &'a str| {
        let (name, value) = line.trim().split_once(char::is_whitespace)?;
        name.eq_ignore_ascii_case("requirepass").then(|| value.trim().trim_matches('"'))
    };
    confs.into_iter().find_map(|conf| conf.lines().filter_map(own).next_back()).unwrap_or_default().to_owned()
}

/// The line that ends a workload.
pub fn stop(name: &str) -> String {
    format!("workload {} stop", show_name(name))
}

impl Form {
    /// One of [`PRESETS`], in a world whose clients need this password; empty for none.
    pub fn preset(index: usize, password: &str) -> Form {
        let (name, _, set) = PRESETS[index];
        let mut form = Form::new(name);
        for &(field, value) in set {
            form.values[field] = value.to_owned();
        }
        if !password.is_empty() {
            form.values[FIELDS.len() - 1] = format!("password {}", crate::faults::quote(password));
        }
        form
    }

    fn new(name: &str) -> Form {
        Form { name: name.to_owned(), values: vec![String::new(); FIELDS.len()] }
    }

    /// The form that makes a line again, as the language writes it.
    pub fn of(name: &str, line: &str) -> Form {
        let mut form = Form::new(name);
        let mut at = FIELDS.len() - 1;
        for word in words(line.strip_prefix(&form.line()).unwrap_or(line)) {
            let field = field_of(word);
            at = field.unwrap_or(at);
            if field.is_none() || FIELDS[at].1 != word {
                let blank = if form.values[at].is_empty() { "" } else { " " };
                form.values[at] += &format!("{blank}{word}");
            }
        }
        form
    }

    /// The line that starts the workload.
    pub fn line(&self) -> String {
        let mut out = format!("workload {}", show_name(self.name.trim()));
        for (Field(_, word, ..), value) in FIELDS.iter().zip(&self.values) {
            let value = value.trim();
            if !value.is_empty() {
                let blank = if word.is_empty() { "" } else { " " };
                out += &format!(" {word}{blank}{value}");
            }
        }
        out
    }

    /// What is wrong with it in a world of these nodes, in a sentence, and which field is to be mended, by its place (the name's is
    /// behind the last); none if what is wrong is how they go together.
    pub fn wrong(&self, nodes: &[String]) -> Option<(Option<usize>, String)> {
        let name = self.name.trim();
        if name.is_empty() {
            return Some((Some(FIELDS.len()), "a workload needs a name".into()));
        }
        if nodes.iter().any(|node| node == name) {
            return Some((
                Some(FIELDS.len()),
                format!("`{name}` is a node; the clients' host needs another name"),
            ));
        }
        for (at, value) in self.values.iter().enumerate().filter(|(_, value)| !value.trim().is_empty()) {
            let mut alone = Form::new(name);
            alone.values[at].clone_from(value);
            if let Err(why) = alone.fits(Some(at), nodes) {
                return Some((Some(at), why));
            }
        }
        self.fits(None, nodes).err().map(|why| (None, why))
    }

    /// Whether its line can be run, and says nothing beside what the one field has that there is.
    fn fits(&self, only: Option<usize>, nodes: &[String]) -> Result<(), String> {
        let value = only.map_or("", |at| self.values[at].trim());
        if words(value).any(|word| word.starts_with('#')) {
            return Err("what stands behind a # is a comment, and does nothing".into());
        }
        let command = parse_line(&self.line()).map_err(|e| match (e.expected.as_slice(), e.suggestion) {
            // How much is too much is the check's to say.
            ([one], _) => format!("{}, not `{value}`", one.split(" up to").next().unwrap_or(one)),
            _ if only.is_none() => format!("{}, for another field has its place", e.message),
            (_, Some(near)) => format!("{}; did you mean `{near}`?", e.message),
            _ => e.message,
        })?;
        let Command::Act(action @ Action::StartWorkload { workload, .. }) = &command else {
            return Err(format!("`{value}` does not fit here"));
        };
        let said = Form::of(self.name.trim(), &line_of(action)).values;
        let other = said.iter().enumerate().position(|(at, value)| !value.is_empty() && Some(at) != only);
        if let (Some(at), Some(_)) = (other, only) {
            return Err(format!("that is more than one field has; there is {}, too", FIELDS[at].0));
        }
        if let Some(seed) = workload.seeds.iter().find(|seed| !nodes.contains(seed)) {
            return Err(Names { nodes: nodes.to_vec(), ..Names::default() }.no_node(seed));
        }
        workload.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::sim::scenario::{Part, table};

    #[test]
    fn a_line_is_put_back_into_the_fields() {
        let made = "workload web clients 12 seeds A2 B1 rate 600 keys 500 zipf 0.99 values 64B to 1KiB reads 80% wait 1 within 100ms";
        let form = Form::of("web", made);
        assert_eq!(form.line(), made);
        assert_eq!((form.values[0].as_str(), form.values[1].as_str()), ("12", "A2 B1"));
        for preset in 0..PRESETS.len() {
            let form = Form::preset(preset, "");
            assert_eq!(Form::of(&form.name, &form.line()), form);
        }
    }

    /// The action that a line is.
    fn action(line: &str) -> Action {
        match parse_line(line) {
            Ok(Command::Act(action)) => action,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_word_of_a_line_comes_back() {
        let lines = [
            "workload typed clients 3 think 5ms zipf 1.3 wait 1 within 50ms prefix user: backoff 10ms",
            r#"workload "my load" seeds "keys" A1 prefix "a keys \"5" hot-slot 5 50% long-tail 64B to 1KiB"#,
            "workload a strings 2 shard-publish 3 counters 1 channels 4 shard-channels subscribers 2 sequential",
        ];
        for line in lines {
            let action = action(line);
            let Action::StartWorkload { name, .. } = &action else { panic!("{action:?}") };
            let form = Form::of(name, &line_of(&action));
            assert_eq!(self::action(&form.line()), action, "{line}");
            assert_eq!(form.wrong(&["A1".into(), "keys".into()]), None, "{line}");
        }
        let form = Form::of("typed", &line_of(&action(lines[0])));
        let at = |name| FIELDS.iter().position(|field| field.0 == name).map(|at| form.values[at].as_str());
        assert_eq!((at("Clients"), at("Which keys")), (Some("3"), Some("zipf 1.3")));
        assert_eq!((at("WAIT"), at("More")), (Some("wait 1 within 50ms"), Some("think 5ms prefix user:")));
    }

    #[test]
    fn every_option_has_a_field() {
        fn first(part: &Part) -> Vec<&'static str> {
            match part {
                Part::Word(word) => vec![word],
                Part::Arg(..) => Vec::new(),
                Part::Opt(inner) => first(&inner[0]),
                Part::Either(choices) => choices.iter().flat_map(|inner| first(&inner[0])).collect(),
            }
        }
        let row = table::rows().find(|row| row.key == "workload").unwrap();
        for word in row.parts.iter().flat_map(first) {
            assert!(field_of(word).is_some(), "{word}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_of_its_field() {
        let nodes = ["A1", "B1"].map(String::from);
        let wrong = |field: &str, value: &str| {
            let mut form = Form::preset(0, "");
            let at = FIELDS.iter().position(|f| f.0 == field);
            match at {
                Some(at) => form.values[at] = value.into(),
                None => form.name = value.into(),
            }
            let (place, why) = form.wrong(&nodes)?;
            assert_eq!(place, at.or(Some(FIELDS.len())), "{why}");
            Some(why)
        };
        let says = |field, value, text: &str| {
            let why = wrong(field, value).unwrap_or_else(|| panic!("{field} {value} is taken"));
            assert!(why.contains(text), "{field} {value}: {why}");
        };
        says("Rate", "abc", "a whole number, not `abc`");
        says("Clients", "0", "1 to 10000 clients");
        says("Seeds", "a1", "did you mean `A1`?");
        says("Seeds", "A1,B1", "there is no node `A1,B1`; the nodes are A1 B1");
        says("Keys", "10 zipf 0.5 # x", "comment");
        says("Keys", "10 zipf 0.5", "Which keys");
        says("Values", "64B to", "a size such as");
        says("Name", "", "needs a name");
        says("Name", "A1", "`A1` is a node");
        assert_eq!(
            (wrong("Name", "my load"), wrong("Keys", " 10 "), wrong("Seeds", "B1 A1")),
            (None, None, None)
        );
        let mut form = Form::preset(0, "");
        form.values[5] = "1MB".into();
        form.values[0] = "10000".into();
        let (place, why) = form.wrong(&nodes).unwrap();
        assert!(place.is_none() && why.contains("under way at once"), "{why}");
        // A rate, and a time to think in its place.
        let mut both = Form::preset(0, "");
        both.values[FIELDS.len() - 1] = "think 5ms".into();
        let (place, why) = both.wrong(&nodes).unwrap();
        assert!(place.is_none() && why.contains("`think` does not fit here, for another field"), "{why}");
        form.name = "my load".into();
        assert!(form.line().starts_with("workload \"my load\" clients"));
        assert_eq!(stop("my load"), "workload \"my load\" stop");
    }

    /// What is loaded at once by its button: the password stands in the nodes' redis.conf.
    #[test]
    fn a_world_with_a_password_has_it_in_the_form() {
        assert_eq!(password(["port 6379\n", "appendonly yes\n"]), "");
        let own =
            password(["port 6379\nrequirepass first\n  RequirePass  \"abc 123\"\n", "requirepass other\n"]);
        assert_eq!(own, "abc 123");
        let form = Form::preset(0, &own);
        assert_eq!(form.line(), "workload load rate 1000 reads 0% password \"abc 123\"");
        assert_eq!(form.wrong(&[]), None);
        assert_eq!(Form::of("load", &form.line()), form);
    }
}
