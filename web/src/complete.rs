//! What could come next in a line for redis-cli that is being typed: commands, subcommands, words of their syntax, keys, parameters,
//! addresses and ids of nodes. Everything comes from the command table and from the world as it is; keys are those that a SCAN would
//! give now, asked of a copy of the node.

use crate::protocol::Completion;
use vitrine_core::command::table::{Arg, ArgType, keys_of, lookup, parse_args};
use vitrine_core::config::table::directives;
use vitrine_core::config::text::split_args;
use vitrine_core::resp::Value;
use vitrine_core::sim::terminal::help;
use vitrine_core::sim::world::World;

/// How many candidates are given.
const CANDIDATES_MAX: usize = 60;
/// How many keys of a node SCAN looks at, and how many nodes are asked.
const SCAN_COUNT: &str = "500";
const SCAN_NODES_MAX: usize = 8;
/// Longer keys are no help.
const KEY_LEN_MAX: usize = 200;

/// What redis-cli itself understands, besides the server's commands.
const OWN: [(&str, &str); 6] = [
    ("redis-cli --cluster", "command host:port\tMakes, checks, repairs and reshapes a cluster."),
    ("help", "[command|@group]\tSays what a command does and how it is written."),
    ("clear", "\tEmpties this terminal."),
    ("connect", "host port\tGoes to another node."),
    ("quit", "\tEnds the connection; the next command makes a new one."),
    (":", "line\tThe language that breaks things and moves time; `:help` names its words."),
];

/// `redis-cli --cluster` and what each of its commands takes.
const CLUSTER: [(&str, &str); 11] = [
    ("create", "host1:port1 ... hostN:portN [--cluster-replicas n]\tForms a cluster of empty nodes."),
    ("check", "host:port\tLooks whether the nodes agree and all slots are served."),
    ("info", "host:port\tCounts keys, slots and replicas of each master."),
    ("fix", "host:port\tCloses open slots and gives slots without an owner to a master."),
    ("reshard", "host:port\tMoves slots with their keys to a master."),
    ("rebalance", "host:port\tMoves slots until all masters have their share."),
    ("add-node", "new_host:new_port existing_host:existing_port\tLets an empty node join."),
    ("del-node", "host:port node_id\tTakes a node without slots out."),
    ("call", "host:port command [arg ...]\tRuns a command on every node."),
    ("set-timeout", "host:port milliseconds\tSets cluster-node-timeout on every node."),
    ("help", "\tNames all commands and options."),
];

const CLUSTER_OPTIONS: [(&str, &str); 14] = [
    ("--cluster-yes", "\tAnswers every question with yes."),
    ("--cluster-replicas", "n\tHow many replicas each master of a new cluster has."),
    ("--cluster-from", "id[,id ...]|all\tThe masters that give slots."),
    ("--cluster-to", "id\tThe master that gets slots."),
    ("--cluster-slots", "n\tHow many slots move."),
    ("--cluster-timeout", "milliseconds\tHow long one MIGRATE may take."),
    ("--cluster-pipeline", "n\tHow many keys one MIGRATE takes."),
    ("--cluster-replace", "\tKeys that the target has already are replaced."),
    ("--cluster-weight", "id=weight [id=weight ...]\tUnequal shares."),
    ("--cluster-use-empty-masters", "\tMasters without slots get some too."),
    ("--cluster-simulate", "\tSays what would move, and moves nothing."),
    ("--cluster-threshold", "percent\tSmaller differences are let be."),
    ("--cluster-slave", "\tThe new node becomes a replica."),
    ("--cluster-master-id", "id\tThe master of the new replica."),
];

struct Found {
    /// What is typed of the word, without a quote in front, in lower case.
    typed: String,
    list: Vec<(String, String)>,
}

impl Found {
    fn add(&mut self, text: impl Into<String>, about: impl Into<String>) {
        let text = text.into();
        let fits = text.trim_start_matches('"').to_ascii_lowercase().starts_with(&self.typed);
        if fits && self.list.len() < CANDIDATES_MAX && !self.list.iter().any(|(t, _)| *t == text) {
            self.list.push((text, about.into()));
        }
    }

    fn add_all(&mut self, rows: &[(&str, &str)]) {
        rows.iter().for_each(|(text, about)| self.add(*text, *about));
    }
}

/// What could stand at byte `cursor` of a line in the tab of a node, or of the whole cluster.
pub fn complete(world: &World, node: Option<&str>, line: &str, cursor: usize) -> Completion {
    let cursor = (0..=cursor.min(line.len())).rev().find(|&i| line.is_char_boundary(i)).unwrap_or(0);
    let line = &line[..cursor];
    let start = word_start(line);
    let mut args = split_args(&line.as_bytes()[..start]).unwrap_or_default();
    let word = line[start..].trim_start_matches(['"', '\'']);
    let mut found = Found { typed: word.to_ascii_lowercase(), list: Vec::new() };
    // A count in front repeats the command.
    if args.first().is_some_and(|n| std::str::from_utf8(n).is_ok_and(|n| n.parse::<i64>().is_ok())) {
        args.remove(0);
    }
    let first = args.first().map(|a| String::from_utf8_lossy(a).to_ascii_lowercase());
    let mut syntax = Vec::new();
    let mut hint = String::new();
    match first.as_deref() {
        None => {
            for id in help::commands().into_iter().filter(|id| id.parent().is_none()) {
                found.add(help::name(id), format!("{}\t{}.", help::params(id), id.spec().summary));
            }
            found.add_all(&OWN);
        }
        Some("redis-cli" | "--cluster") => cluster_words(world, &args, &mut found),
        Some("help" | "?") => help_words(&args, &mut found),
        Some(_) => syntax = command_words(world, node, &args, &mut found),
    }
    let mut all = args;
    if !word.is_empty() {
        all.push(word.as_bytes().to_vec());
    }
    if let Some(text) = help::hint(&all, word.is_empty() && !line.is_empty()) {
        hint = match &found.list[..] {
            [(text, due)] if text.is_empty() => due.clone(),
            _ => text,
        };
        // A name that is typed to its end says what it is as well.
        if syntax.is_empty() {
            syntax = syntax_of(&all, 0);
        }
    }
    Completion { start, candidates: found.list, hint, syntax }
}

/// Where the word begins that the line ends in: behind the last blank that no quote holds.
fn word_start(line: &str) -> usize {
    let (mut start, mut quote, mut escaped) = (0, None, false);
    for (i, c) in line.char_indices() {
        match (quote, c) {
            _ if std::mem::take(&mut escaped) => {}
            (Some(_), '\\') => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') if i == start => quote = Some(c),
            (None, c) if c.is_ascii_whitespace() => start = i + 1,
            _ => {}
        }
    }
    start
}

/// The syntax of the command of a line in three parts, of which the middle is the argument at the cursor, and what it does. `typed` counts
/// the arguments before it.
fn syntax_of(args: &[Vec<u8>], typed: usize) -> Vec<String> {
    let Some((id, _)) = help::command_of(args) else { return Vec::new() };
    let pieces = help::pieces(id);
    let spec = parse_args(id.spec().args);
    // One that may be repeated takes all that come, and what is optional cannot be told apart.
    let stays = spec.iter().position(|a| a.multiple).unwrap_or(pieces.len().saturating_sub(1));
    let here = typed.min(stays).min(pieces.len().saturating_sub(1));
    let part = |range: &[String]| range.join(" ");
    let (before, after) = match pieces.get(here) {
        Some(_) => (part(&pieces[..here]), part(&pieces[here + 1..])),
        None => (String::new(), String::new()),
    };
    let name = help::name(id);
    let head = if before.is_empty() { name } else { format!("{name} {before}") };
    vec![head, pieces.get(here).cloned().unwrap_or_default(), after, format!("{}.", id.spec().summary)]
}

/// The words of a command's syntax: each token, with what follows it.
fn tokens(args: &[Arg], found: &mut Found) {
    for arg in args {
        if let Some(token) = arg.token {
            let rest = if arg.kind == ArgType::PureToken || !arg.args.is_empty() { "" } else { &arg.name };
            found.add(token, rest);
        }
        if arg.token.is_none() || arg.kind == ArgType::OneOf {
            tokens(&arg.args, found);
        }
    }
}

/// The name of what follows a token, if it is one that takes something.
fn value_of<'a>(args: &'a [Arg], token: &[u8]) -> Option<&'a str> {
    args.iter().find_map(|arg| match arg.token {
        Some(own) if own.as_bytes().eq_ignore_ascii_case(token) && arg.kind != ArgType::PureToken => {
            Some(arg.args.first().map_or(&*arg.name, |first| &*first.name))
        }
        _ => value_of(&arg.args, token),
    })
}

fn command_words(world: &World, node: Option<&str>, args: &[Vec<u8>], found: &mut Found) -> Vec<String> {
    let Some((id, words)) = help::command_of(args) else { return Vec::new() };
    let typed = args.len() - words;
    if id.is_container() && typed == 0 {
        for sub in help::commands().into_iter().filter(|sub| sub.parent() == Some(id)) {
            let name = help::name(sub);
            let name = name.split_once(' ').map_or(name.as_str(), |(_, sub)| sub).to_string();
            found.add(name, format!("{}\t{}.", help::params(sub), sub.spec().summary));
        }
        return syntax_of(args, 0);
    }
    let spec = parse_args(id.spec().args);
    let mut request = args.to_vec();
    request.push(b"k".to_vec());
    // Commands that end in something else than a key need that to be understood.
    let at = args.len();
    let mut longer = request.clone();
    longer.push(b"1".to_vec());
    let is_key = |request: &Vec<Vec<u8>>| keys_of(id, request.as_slice()).iter().any(|key| key.index == at);
    if is_key(&request) || is_key(&longer) {
        keys(world, node, found);
    }
    match id.name() {
        "config|get" => parameters(found),
        "config|set" if typed.is_multiple_of(2) => parameters(found),
        _ => {}
    }
    let simple = spec.iter().position(|a| a.multiple).unwrap_or(spec.len());
    match spec.get(typed.min(simple)).map_or("", |a| a.name.as_str()) {
        "ip" | "host" => addresses(world, found, |ip, _, _| ip.to_string()),
        "port" => addresses(world, found, |_, port, _| port.to_string()),
        "node-id" => addresses(world, found, |_, _, id| id.to_string()),
        _ => {}
    }
    let required = spec.iter().take_while(|a| !a.optional && a.token.is_none() && a.args.is_empty()).count();
    // A token that takes something is followed by that, and by nothing else.
    let due = args.last().filter(|_| typed > required).and_then(|word| {
        let of = |(at, arg)| Some((at, value_of(std::slice::from_ref(arg), word)?));
        spec.iter().enumerate().find_map(of)
    });
    if let Some((at, due)) = due {
        found.add("", due);
        return syntax_of(args, at);
    }
    if typed >= required {
        tokens(&spec[required.min(spec.len())..], found);
    }
    syntax_of(args, typed)
}

fn parameters(found: &mut Found) {
    let mut all: Vec<_> = directives().map(|d| (d.name, d.about)).collect();
    all.sort_unstable();
    found.add_all(&all);
}

/// Something of each node that runs: it is chosen of its ip, port and id.
fn addresses(world: &World, found: &mut Found, choose: fn(&str, u16, &str) -> String) {
    for (entry, node) in world.node_entries().iter().zip(world.nodes()) {
        let cluster = node.and_then(|n| n.cluster());
        let id = cluster.map(|c| c.myself().name.to_string()).unwrap_or_default();
        let text = choose(&entry.ip, entry.port, &id);
        if !text.is_empty() {
            found.add(text, format!("\t{}", entry.name));
        }
    }
}

/// Keys that begin with what is typed.
fn keys(world: &World, node: Option<&str>, found: &mut Found) {
    let setup = world.setup();
    let nodes: Vec<&str> = match node {
        Some(name) => vec![name],
        None => {
            let is_master = |name: &&str| {
                world.node(name).and_then(|n| n.cluster()).is_none_or(|c| c.myself().is_master())
            };
            setup.nodes.iter().map(|n| n.name.as_str()).filter(is_master).take(SCAN_NODES_MAX).collect()
        }
    };
    let escape = |c: char| if "*?[]\\".contains(c) { format!("\\{c}") } else { c.to_string() };
    // The case is that of the line; candidates are matched without it, so the pattern has to let both pass.
    let pattern: String = found.typed.chars().take_while(|c| c.is_ascii()).map(escape).collect();
    let either: String =
        pattern
            .chars()
            .map(|c| {
                if c.is_ascii_alphabetic() {
                    format!("[{c}{}]", c.to_ascii_uppercase())
                } else {
                    c.to_string()
                }
            })
            .collect();
    let scan: Vec<String> =
        ["SCAN", "0", "MATCH", &format!("{either}*"), "COUNT", SCAN_COUNT].map(str::to_owned).to_vec();
    for name in nodes {
        let Ok(replies) = world.peek(name, std::slice::from_ref(&scan)) else { continue };
        let page = replies.first().and_then(Value::as_array).and_then(|r| r.get(1)).and_then(Value::as_array);
        let mut names: Vec<&[u8]> = page.unwrap_or_default().iter().filter_map(Value::as_bytes).collect();
        names.sort_unstable();
        for key in names.into_iter().filter(|key| key.len() <= KEY_LEN_MAX) {
            let plain = std::str::from_utf8(key).ok().filter(|k| {
                !k.is_empty()
                    && k.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\'' && b != b'\\')
            });
            let text = plain
                .map_or_else(|| Value::Bulk(key.to_vec()).to_string().trim_end().to_string(), str::to_string);
            found.add(text, format!("\tA key on {name}."));
        }
    }
}

fn cluster_words(world: &World, args: &[Vec<u8>], found: &mut Found) {
    let words: Vec<String> = args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
    let Some(at) = words.iter().position(|w| w == "--cluster") else {
        return found.add("--cluster", "command host:port\tWhat is done to a whole cluster.");
    };
    let last = words.last().map_or("", String::as_str);
    match last {
        "--cluster" => found.add_all(&CLUSTER),
        "--cluster-from" | "--cluster-to" | "--cluster-master-id" | "--cluster-weight" => {
            addresses(world, found, |_, _, id| id.to_string());
            if last == "--cluster-from" {
                found.add("all", "\tEvery other master.");
            }
        }
        _ if found.typed.starts_with('-') => found.add_all(&CLUSTER_OPTIONS),
        _ => {
            let command = words.get(at + 1).map_or("", String::as_str);
            if command == "del-node" && words.len() == at + 3 {
                return addresses(world, found, |_, _, id| id.to_string());
            }
            if command == "call" && words.len() >= at + 3 {
                return;
            }
            addresses(world, found, |ip, port, _| format!("{ip}:{port}"));
            found.add_all(&CLUSTER_OPTIONS);
        }
    }
}

/// `help <tab>`: groups and commands.
fn help_words(args: &[Vec<u8>], found: &mut Found) {
    let container = args.get(1).and_then(|name| lookup(name));
    let mut groups: Vec<&str> = Vec::new();
    for id in help::commands() {
        let group = id.spec().group.name();
        if container.is_none() && !groups.contains(&group) {
            groups.push(group);
            found.add(format!("@{group}"), "\tAll commands of this group.");
        }
        let name = help::name(id);
        let text = match container {
            Some(_) if id.parent() == container => name.split_once(' ').map(|(_, sub)| sub.to_string()),
            Some(_) => None,
            None => id.parent().is_none().then_some(name),
        };
        if let Some(text) = text {
            found.add(text, format!("\t{}.", id.spec().summary));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_core::sim::fault::Target;
    use vitrine_core::sim::setup::Setup;

    fn world() -> World {
        let mut world = World::new(Setup::six_nodes(7)).unwrap();
        world.run_until(6_000_000);
        let terminal = world.terminal(Target::Cluster).unwrap();
        for line in ["SET color blue", "SET \"two words\" 1", "SET Cat 1"] {
            world.type_line(terminal, line).unwrap();
        }
        world.run_for(1_000_000);
        world
    }

    fn texts(world: &World, line: &str) -> Vec<String> {
        complete(world, None, line, line.len()).candidates.into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn commands_subcommands_and_words_of_the_syntax_are_offered() {
        let world = world();
        assert_eq!(texts(&world, "zrangeb"), ["ZRANGEBYLEX", "ZRANGEBYSCORE"]);
        assert_eq!(texts(&world, "CLUSTER fo"), ["FORGET"]);
        assert_eq!(texts(&world, "3 clus"), ["CLUSTER"]);
        let after = texts(&world, "SET k v ");
        assert!(
            ["NX", "XX", "GET", "EX", "KEEPTTL"].iter().all(|t| after.iter().any(|a| a == t)),
            "{after:?}"
        );
        let due = complete(&world, None, "SET k v NX EX ", 14);
        assert_eq!(due.candidates, [(String::new(), "seconds".to_string())], "nothing else fits there");
        assert_eq!((due.hint.as_str(), &due.syntax[1][..4]), ("seconds", "[EX "));
        assert!(texts(&world, "SET k EX ").contains(&"NX".to_string()), "there EX is the value");
        let get = complete(&world, None, "GE", 2);
        assert!(get.candidates.iter().any(|(t, h)| t == "GET" && h.starts_with("key\t") && h.ends_with('.')));
        assert_eq!(texts(&world, "redis-cli --cluster resh"), ["reshard"]);
        assert_eq!(texts(&world, "--cluster check 10.0.0.4"), ["10.0.0.4:7004"]);
        assert_eq!(texts(&world, "help @hyp").len(), 0, "no command of that group has code");
        assert_eq!(texts(&world, "help @has"), ["@hash"]);
        assert_eq!(texts(&world, "nonsense "), Vec::<String>::new());
    }

    #[test]
    fn keys_parameters_and_nodes_are_those_that_are_there() {
        let world = world();
        let hash = world.hash();
        let mut of_all = texts(&world, "GET c");
        of_all.sort();
        assert_eq!(of_all, ["Cat", "color"], "whatever their case, of all masters");
        assert_eq!(texts(&world, "GET \"tw"), ["\"two words\""]);
        assert_eq!(texts(&world, "BLPOP col"), ["color"], "though a timeout is missing");
        assert_eq!(texts(&world, "SET color c"), Vec::<String>::new(), "a value is no key");
        assert_eq!(texts(&world, "CONFIG GET appendf"), ["appendfilename", "appendfsync"]);
        assert_eq!(texts(&world, "config set appendfsync alw"), Vec::<String>::new());
        let id = world.node("B1").unwrap().cluster().unwrap().myself().name.to_string();
        assert!(texts(&world, "CLUSTER FORGET ").contains(&id));
        assert_eq!(texts(&world, "CLUSTER MEET 10.0.0.3"), ["10.0.0.3"]);
        let on_c = complete(&world, Some("C1"), "GET ", 4).candidates;
        assert!(on_c.len() < 3, "one node has its own keys only: {on_c:?}");
        assert_eq!(world.hash(), hash, "looking changes nothing");
    }

    #[test]
    fn the_hint_is_redis_clis_and_the_syntax_marks_the_argument() {
        let world = world();
        let at = |line: &str| complete(&world, None, line, line.len());
        assert_eq!(at("lrange a ").hint, "start stop");
        assert_eq!(at("lrange a ").syntax[..3], ["LRANGE key", "start", "stop"]);
        assert_eq!(at("LRANGE a 0 1").syntax[..3], ["LRANGE key start", "stop", ""]);
        assert_eq!(at("mset a 1 b ").syntax[..3], ["MSET", "key value [key value ...]", ""]);
        assert_eq!(at("get").hint, " key");
        assert_eq!(at("").hint, "");
        assert_eq!(at("SET \"a b").start, 4, "a quote holds its blanks");
    }
}
