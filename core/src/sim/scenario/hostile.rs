//! Texts and links that mean harm, or are of another version: each is refused in a sentence that says where and what to do, at once, and
//! without more memory than the text itself takes a few times.

use super::*;
use crate::rng::Rng;
use crate::sim::workload::{CLIENTS_MAX, PASSWORD_LEN_MAX, PIPELINE_MAX, UNDER_WAY_LEN_MAX, VALUE_LEN_MAX};

/// What a refusal repeats of a text is short, whatever the text.
const MESSAGE_LEN_MAX: usize = 1_000;

fn refused(text: &str) -> String {
    let error = Scenario::parse(text).expect_err("it is refused").to_string();
    assert!(error.starts_with("line ") && error.len() < MESSAGE_LEN_MAX, "{} bytes", error.len());
    error
}

/// The refusal of these lines behind the first one.
fn of(lines: &str) -> String {
    refused(&format!("vitrine 1\n{lines}"))
}

#[track_caller]
fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn a_text_has_its_limits() {
    let long = "#".repeat(file::TEXT_LEN_MAX - 1) + "\n\n";
    says(&refused(&long), &["line 2, column 1:", "no more than 33554432 bytes, and this one has 33554433"]);
    says(&refused(&"\n".repeat(LINES_MAX)), &["line 1000001, column 1:", "make several of it"]);
    let line = "x".repeat(LINE_LEN_MAX + 1);
    says(&of(&line), &["line 2, column 2097153:", "put long text between <<END and END"]);
    says(&of(&format!("title {}", "x".repeat(1_001))), &["line 2, column 1:", "no more than 1000 bytes"]);
    let typed = "cluster> SET k ".to_string() + &"x".repeat(1 << 20);
    says(&of(&typed), &["line 2, column 1:", "a terminal takes lines of 1048576 bytes", "use a workload"]);
}

#[test]
fn a_message_repeats_little_and_nothing_that_a_terminal_obeys() {
    let name = "n".repeat(1 << 20);
    for lines in [
        format!("kill {name}"),
        format!("{name} A1"),
        format!("conf A1 <<{name}"),
        format!("shard {name}"),
        format!("node a ip {name}"),
        format!("workload w seeds {name}"),
    ] {
        says(&of(&lines), &["line 2, column "]);
    }
    let escape = of("kill \"\\x1b[2J\\x07\"");
    assert!(!escape.chars().any(char::is_control), "{escape:?}");
}

#[test]
fn a_world_has_its_limits() {
    says(&of("nodes a b\nnodes c A"), &["line 3, column 1:", "same name or address as `A`"]);
    says(&of("node a\nnode b ip 10.0.0.1"), &["line 3, column 1:", "same name or address"]);
    says(&of("node a ip 10.0.0.256"), &["line 2, column 1:", "`10.0.0.256` is no IP address"]);
    says(&of(&format!("nodes {}", "n".repeat(65))), &["line 2, column 1:", "1 to 64 bytes"]);
    let many: String = (0..5_000).map(|i| format!(" n{i}")).collect();
    says(&of(&format!("nodes{many}")), &["line 2, column 1:", "no more than 4096 nodes"]);
    says(&of("seed 2\nshard A1 A2\nshard B1 A2"), &["line 4, column 1:", "`A2` is in a shard already"]);
    says(&of("shard A1 A9\n\nkill A1"), &["line 2, column 1:", "there is no node `A9`"]);
    let head = "conf all \"\"\n".repeat(HEAD_LINES_MAX + 1);
    says(
        &of(&head),
        &[&format!("line {}, column 1:", HEAD_LINES_MAX + 2), "put what is alike into `conf all`"],
    );
    // 4,096 nodes times a text that is short.
    let text = format!("cluster shards 4096 replicas 0\nconf all add \"{}\"", "x".repeat(1 << 13));
    says(&of(&text), &["line 3, column 1:", "all redis.conf together have no more than 16777216 bytes"]);
}

#[test]
fn what_happens_has_its_limits() {
    let steps = "kill A1\n".repeat(STEPS_MAX + 1);
    says(&of(&steps), &[&format!("line {}, column 1:", STEPS_MAX + 2), "use `every` for what repeats"]);
    let repeats = "every 1s kill A1\n".repeat(REPEATS_MAX + 1);
    says(
        &of(&repeats),
        &[&format!("line {}, column 1:", REPEATS_MAX + 2), "use a workload for many commands"],
    );
    for nested in ["every 1s every 1s kill A1", "at 1s at 1s kill A1", "after 1s every 1s every 1s kill A1"] {
        says(&of(nested), &["line 2, column 1:", "a line happens at one time"]);
    }
    // A line of nothing but times is given up at the third.
    says(&of(&"at 1s ".repeat(300_000)), &["line 2, column 1:", "a line happens at one time"]);
    // Names that are no node's are not looked for among all nodes one by one.
    let seeds: String = (0..200_000).map(|i| format!(" x{i}")).collect();
    says(&of(&format!("cluster shards 4096 replicas 0\nworkload w seeds{seeds}")), &["line 3, column 18:"]);
}

#[test]
fn a_workload_has_its_limits() {
    for (line, part) in [
        (format!("workload w clients {}", CLIENTS_MAX + 1), "1 to 10000 clients, not 10001"),
        (format!("workload w pipeline {}", PIPELINE_MAX + 1), "commands in a pipeline"),
        (format!("workload w values {}B", VALUE_LEN_MAX + 1), "bytes in a value"),
        ("workload w prefix {a}".to_string(), "no braces"),
        ("workload w reads 101%".to_string(), "percent of reads"),
        (format!("workload w password {}", "x".repeat(PASSWORD_LEN_MAX + 1)), "bytes in a password"),
    ] {
        says(&of(&line), &["line 2, column 1:", part]);
    }
    let much = "workload w clients 10000 pipeline 1000 values 16MiB";
    says(&of(much), &["line 2, column 1:", &format!("0 to {UNDER_WAY_LEN_MAX} bytes of values under way")]);
}

#[test]
fn numbers_that_overflow_do_not_fit() {
    let nines = "9".repeat(400);
    for (line, column) in [
        (format!("seed {nines}"), 6),
        (format!("seed 0x{}", "f".repeat(17)), 6),
        (format!("run for {nines}s"), 9),
        (format!("run for 0.{nines}s"), 9),
        (format!("disk-slow A1 {nines}x"), 14),
        (format!("clock-jump A1 -{nines}s"), 15),
        (format!("net bandwidth {nines}GiB"), 15),
        (format!("shard A1 slots 0-{nines}"), 16),
        (format!("expect keys A1 {nines}"), 16),
        (format!("cluster shards {nines}"), 16),
        (format!("engine {nines}"), 8),
    ] {
        let error = of(&line);
        says(&error, &[&format!("line 2, column {column}: `")]);
        says(&error, &["does not fit here; expected "]);
    }
    says(&of("run for 106751991d"), &["line 2, column 1:", "no run is longer than 100 years"]);
}

#[test]
fn other_versions_and_engines_are_told_apart() {
    says(&refused("vitrine 2"), &["line 1, column 1:", "version 2; version 1 is understood here"]);
    says(&refused("vitrine 4294967295"), &["version 4294967295"]);
    says(&refused("vitrine 4294967296"), &["line 1, column 9:", "a whole number up to 4294967295"]);
    says(&refused("vitrine"), &["line 1, column 8: something is missing at the end"]);
    says(&of("vitrine 1"), &["line 2, column 1: the version is said once, in the first line"]);
    says(&refused("\u{feff}{\"json\": true}"), &["line 1, column 1:", "begins with the line `vitrine 1`"]);
    // Another engine is no reason to refuse: the run may differ, and `expect hash` at its end finds that out.
    let here = Scenario::parse(&format!("vitrine 1\nengine {:016x}", engine_hash())).unwrap();
    assert_eq!(here.warning(), None);
    let other = Scenario::parse("vitrine 1\nengine 0000000000000001").unwrap().warning().unwrap();
    says(&other.to_string(), &["another version of the engine", "may run differently"]);
}

/// A link of this text, whatever it says.
fn link_of(version: u8, text: &[u8], sum: Option<u32>) -> String {
    let mut hash = crate::sim::trace::TraceHash::new(u64::from(VERSION));
    hash.bytes(text);
    let mut bytes = vec![version];
    bytes.extend([0; 4]);
    bytes.extend(sum.unwrap_or(hash.value() as u32).to_le_bytes());
    bytes.extend(miniz_oxide::deflate::compress_to_vec(text, 9));
    link::encode(&bytes)
}

#[test]
fn links_that_mean_harm_are_refused() {
    let refused = |link: &str| Scenario::from_link(link).expect_err("it is refused").to_string();
    let bomb = link_of(1, &vec![b'\n'; 40 << 20], None);
    assert!(bomb.len() < LINK_LEN_MAX);
    says(&refused(&bomb), &["packs more than 4194304 bytes", "ask for the scenario as a file"]);
    says(
        &refused(&"A".repeat(LINK_LEN_MAX + 1)),
        &["65537 characters are too many", "save the scenario as a file"],
    );
    says(&refused("AQ%3D"), &["character 3 is none of A-Z a-z 0-9 - _", "copy what stands behind the #"]);
    says(&refused(&link_of(7, b"vitrine 1\n", None)), &["of version 7, and version 1 is understood here"]);
    says(&refused(&link_of(1, b"vitrine 1\n", Some(1))), &["cut short or was changed", "copy it once more"]);
    says(&refused(&link_of(1, b"vitrine 1\n\xff", None)), &["cut short or was changed"]);
    let wrong = link_of(1, b"vitrine 1\nkill A9\n", None);
    says(&refused(&wrong), &["the scenario of this link is wrong: line 2, column 6: there is no node `A9`"]);
    // As many lines as a link can pack, each of them at its dearest.
    let lines = "vitrine 1\n".to_string() + &"every 1s every 1s kill \"A1\n".repeat(1 << 17);
    says(&refused(&link_of(1, lines.as_bytes(), None)), &["line 2, column "]);
    // Whatever bytes come, nothing panics.
    let mut rng = Rng::new(9);
    for _ in 0..2_000 {
        let noise: Vec<u8> = (0..rng.below(200)).map(|_| rng.next_u64() as u8).collect();
        let _ = Scenario::from_link(&link::encode(&noise));
        let mut headed = vec![1u8];
        headed.extend(noise);
        let _ = Scenario::from_link(&link::encode(&headed));
    }
}
