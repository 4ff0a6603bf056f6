//! The words of the page that are not everyday language, each with a sentence that explains it: shown where the word stands, and as a list
//! in the help.

/// A word, in lower case unless it is a name of Redis's, and what it means. Of words that begin alike the longer one comes first.
pub static TERMS: [(&str, &str); 45] = [
    (
        "PFAIL",
        "One node has had no answer from another for the node time-out: it suspects it, and nothing follows from that yet.",
    ),
    (
        "FAIL",
        "A majority of the masters suspects the node: it counts as failed, and a replica may take its place.",
    ),
    (
        "PING",
        "The question of one node to another whether it is there; it carries what the sender knows of some others.",
    ),
    ("PONG", "The answer to a PING, which carries the same kind of news."),
    ("MEET", "The first message to a node that is not known yet: take me into your cluster."),
    ("AUTH_REQUEST", "A replica asks the masters for their votes, to take its failed master's place."),
    ("AUTH_ACK", "A master's vote for a replica; it has one in each epoch."),
    ("UPDATE", "You are behind: these slots belong to another node since a later epoch."),
    ("MOVED", "The slot belongs to another node: the client asks there from now on."),
    ("ASK", "The slot is on its way: the client asks the other node, this once."),
    ("request", "What a client sends to a node."),
    ("reply", "What a node answers a client."),
    (
        "config epoch",
        "The number under which a master got its slots; where two claim one slot, the higher number wins.",
    ),
    ("cfg", "The config epoch: the number under which a master got its slots. The higher one wins."),
    ("cur", "The current epoch: the highest number of an election that this node has heard of."),
    (
        "epoch",
        "The cluster's logical clock: each election raises it by one, and a later one overrules an earlier one.",
    ),
    (
        "slots",
        "Every key belongs to one of 16,384 slots, by a checksum of its name; each slot belongs to one master.",
    ),
    ("slot", "One of the 16,384 parts into which keys are divided by a checksum of their names."),
    ("shard", "A master and its replicas: the nodes that hold the same slots."),
    ("masters", "The nodes that own slots: they take the writes, and they vote."),
    ("master", "The node that owns slots: it takes the writes, and its replicas follow it."),
    ("replica", "A node that follows a master, and can take its place."),
    ("candidate", "A replica that stands for election in its failed master's place."),
    ("gossip", "Nodes tell one another what they know of others, a few with every PING and PONG."),
    (
        "backlog",
        "The last bytes of the stream to the replicas: one that was away for less goes on without a full copy.",
    ),
    ("offset", "How many bytes of the stream of writes a node has sent or received."),
    ("off", "The replication offset: how many bytes of the stream of writes the node has sent or received."),
    ("lag", "How many bytes of its master's stream the replica has not received yet."),
    ("fsynced", "On the disk itself: a loss of power leaves it."),
    ("fsync", "The call that makes the kernel put what was written onto the disk itself."),
    ("written", "In the kernel's page cache: the end of the process leaves it, a loss of power does not."),
    ("buffered", "In the process's memory alone: it goes with the process."),
    ("aof", "The append-only file: every write as a command, read again when the process starts."),
    ("rdb", "A snapshot of all keys in one file."),
    ("safe", "Fsynced by its master and held by most of its shard: no single failure takes it."),
    ("at risk", "Acknowledged, but one failure would be enough to lose it."),
    ("lost", "Acknowledged, and on no node that can still serve it."),
    ("p99", "Ninety-nine of a hundred operations were faster than this."),
    ("p50", "Half of the operations were faster than this."),
    ("ops/s", "Operations that were acknowledged in a second of virtual time."),
    ("seeds", "The nodes that a client knows at first; one of them tells it of all others."),
    ("seed", "The number that all chance comes from: the same seed and the same actions give the same run."),
    ("majority", "More than half of the masters: fewer can neither fail a node nor elect one."),
    ("ttl", "How long the key has to live; then it is deleted."),
    ("tape", "What happened when: a line for each node, and a head that goes back in time."),
];

/// The first word of a short text that is explained, and what it means.
pub fn explained(text: &str) -> Option<(&'static str, &'static str)> {
    let whole = |at: usize, len: usize| {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !text[..at].ends_with(part) && !text[at + len..].starts_with(part)
    };
    let lower = text.to_ascii_lowercase();
    let found = |&(term, means): &(&'static str, &'static str)| {
        // Redis's own names are in capitals: `fail` alone is a word.
        let (text, name) = (if term.contains(char::is_uppercase) { text } else { &lower }, term);
        let at = text.match_indices(name).map(|(at, _)| at).find(|&at| whole(at, name.len()))?;
        Some((at, term, means))
    };
    TERMS.iter().filter_map(found).min_by_key(|&(at, ..)| at).map(|(_, term, means)| (term, means))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_where_it_is_whole() {
        let word = |text| explained(text).map(|(term, _)| term);
        assert_eq!(word("PFAIL · 3 of 8 suspect"), Some("PFAIL"));
        assert_eq!(word("FAIL · 7 of 8 agree"), Some("FAIL"));
        assert_eq!(word("master · e3"), Some("master"));
        assert_eq!(word("lag 0 B"), Some("lag"));
        assert_eq!(word("fsynced, B"), Some("fsynced"));
        assert_eq!(word("Backlog"), Some("backlog"));
        assert_eq!(word("16 384 slots served"), Some("slots"));
        assert_eq!(word("off 21 069"), Some("off"));
        assert_eq!(word("office"), None);
        assert_eq!(word("it may fail"), None);
        assert_eq!(word("größe"), None);
    }

    #[test]
    fn each_word_has_one_sentence_of_its_own() {
        for (i, (term, means)) in TERMS.iter().enumerate() {
            assert!(means.ends_with('.') && means.len() < 130, "{term}");
            assert!(!TERMS[..i].iter().any(|(other, _)| other == term), "{term}");
        }
    }
}
