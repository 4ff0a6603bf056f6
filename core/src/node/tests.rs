use super::*;
use crate::host::{DiskError, DiskReply, Listener};

fn at(mono_us: u64) -> Now {
    Now { mono_us, wall_us: 1_700_000_000_000_000 + mono_us }
}

/// Takes the outputs of a turn: what was sent by connection, and the answers of an empty, working disk.
fn turn(node: &mut Node, now: Now, sent: &mut BTreeMap<ConnId, Vec<u8>>) -> Vec<Input> {
    let mut answers = Vec::new();
    while let Some(output) = node.poll_output(now) {
        match output {
            Output::Send { conn, bytes } => sent.entry(conn).or_default().extend(bytes),
            Output::Disk { op, request } => {
                let result = match request {
                    DiskRequest::List { .. } | DiskRequest::Stat { .. } | DiskRequest::Read { .. } => {
                        Err(DiskError::NotFound)
                    }
                    DiskRequest::Append { bytes, .. } => Ok(DiskReply::Written(bytes.len() as u64)),
                    _ => Ok(DiskReply::Done),
                };
                answers.push(Input::Disk { op, result });
            }
            _ => {}
        }
    }
    answers
}

fn settle(node: &mut Node, now: Now, sent: &mut BTreeMap<ConnId, Vec<u8>>) {
    loop {
        let answers = turn(node, now, sent);
        if answers.is_empty() {
            return;
        }
        for answer in answers {
            node.handle(now, answer);
        }
    }
}

fn accepted(conn: ConnId) -> Input {
    let (peer, local) = (format!("127.0.0.1:{}", 50_000 + conn.0), "127.0.0.1:6379".to_owned());
    Input::Accepted { conn, listener: Listener::Client, peer, local }
}

/// The disk answers in the same turn in which bytes of a connection arrive that was accepted during the wait.
#[test]
fn what_came_during_a_wait_comes_first() {
    let options = NodeOptions {
        conf_text: "appendonly yes\nappendfsync always\nsave \"\"\n".into(),
        conf_path: None,
        seed: 1,
        pid: 1,
        executable: String::new(),
        os: String::new(),
    };
    let now = at(0);
    let mut node = Node::new(now, options).expect("the configuration is right");
    let mut sent = BTreeMap::new();
    settle(&mut node, now, &mut sent);
    let (writer, late) = (ConnId(1), ConnId(2));
    node.handle(now, accepted(writer));
    node.handle(now, Input::Received { conn: writer, bytes: b"SET key value\r\n".to_vec() });
    let answers = turn(&mut node, now, &mut sent);
    assert!(node.is_stalled(), "the reply waits for the disk");
    assert_eq!(sent.get(&writer), None);

    node.handle(now, accepted(late));
    for answer in answers {
        node.handle(now, answer);
    }
    node.handle(now, Input::Received { conn: late, bytes: b"GET key\r\n".to_vec() });
    settle(&mut node, now, &mut sent);
    assert_eq!(sent[&writer], b"+OK\r\n");
    assert_eq!(sent[&late], b"$5\r\nvalue\r\n");
}
