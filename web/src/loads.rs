//! The form that makes a `workload` line, as data: its fields, what people want to see first, the line of what is in it, and the form of
//! a line.

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
pub static FIELDS: [Field; 16] = [
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
];

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
    /// The values of [`FIELDS`]; empty for what is usual.
    pub values: Vec<String>,
}

impl Form {
    /// One of [`PRESETS`].
    pub fn preset(index: usize) -> Form {
        let (name, _, set) = PRESETS[index];
        let mut values = vec![String::new(); FIELDS.len()];
        for &(field, value) in set {
            values[field] = value.to_owned();
        }
        Form { name: name.to_owned(), values }
    }

    /// The form that makes a line again which was made of one; words that no field has are left out.
    pub fn of(name: &str, line: &str) -> Form {
        let words: Vec<&str> = line.split(' ').collect();
        let begins = |word: &&str| {
            let is = |text: &str| text.split(' ').next() == Some(*word);
            FIELDS.iter().any(|Field(_, own, .., all)| is(own) || all.iter().any(|(_, text)| is(text)))
        };
        let value = |Field(_, own, .., choices): &Field| {
            if choices.is_empty() {
                let at = words.iter().position(|word| word == own).map_or(words.len(), |at| at + 1);
                let value: Vec<&str> = words[at..].iter().copied().take_while(|word| !begins(word)).collect();
                return value.join(" ");
            }
            let fits =
                choices.iter().map(|(_, text)| *text).filter(|text| line.contains(&format!(" {text}")));
            fits.max_by_key(|text| text.len()).unwrap_or_default().to_owned()
        };
        Form { name: name.to_owned(), values: FIELDS.iter().map(value).collect() }
    }

    /// The line that starts the workload.
    pub fn line(&self) -> String {
        let mut out = format!("workload {}", self.name);
        for (Field(_, word, ..), value) in FIELDS.iter().zip(&self.values) {
            let value = value.trim();
            if !value.is_empty() {
                let blank = if word.is_empty() { "" } else { " " };
                out += &format!(" {word}{blank}{value}");
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_put_back_into_the_fields() {
        let made = "workload web clients 12 seeds A2 B1 rate 600 keys 500 zipf 0.99 values 64B to 1KiB reads 80% wait 1 within 100ms";
        let form = Form::of("web", made);
        assert_eq!(form.line(), made);
        assert_eq!((form.values[0].as_str(), form.values[1].as_str()), ("12", "A2 B1"));
        for preset in 0..PRESETS.len() {
            let form = Form::preset(preset);
            assert_eq!(Form::of(&form.name, &form.line()), form);
        }
    }
}
