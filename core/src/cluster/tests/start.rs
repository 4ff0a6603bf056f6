//! nodes.conf, and what is made of it at the start.

use super::*;

fn load(conf: &str, keys: &BTreeMap<u16, usize>) -> (Result<Cluster, LoadError>, Vec<Action>) {
    let (config, facts, mut actions) = (config(), Facts::default(), Vec::new());
    let mut cx = Cx {
        now: Now { mono_us: EPOCH_US, wall_us: EPOCH_US },
        config: &config,
        rng: &mut Rng::new(1),
        facts: &facts,
        keys,
        next_conn: &mut 0,
        actions: &mut actions,
    };
    let mut loaded = Cluster::start(&mut cx, Some(conf.as_bytes()));
    if let Ok(cluster) = &mut loaded {
        cluster.verify_config_with_data(&mut cx).unwrap();
        cluster.before_sleep(&mut cx);
    }
    (loaded, actions)
}

// Written by redis-server 7.0.15 in the middle of a resharding (names shortened to what the format allows).
const CONF: &str = "\
07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,host4 slave e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected
67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922
e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 127.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5460 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f] [77->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1]
292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f 127.0.0.1:30003@31003 master,fail? - 1426238316232 1426238318243 3 connected 10923-16382 16383
vars currentEpoch 6 lastVoteEpoch 5
";

#[test]
fn a_file_of_redis_is_understood() {
    let (loaded, actions) = load(CONF, &BTreeMap::new());
    let cluster = loaded.unwrap();
    assert_eq!(cluster.myself().name.as_str(), "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca");
    assert_eq!((cluster.current_epoch(), cluster.last_vote_epoch), (6, 5));
    assert_eq!(cluster.nodes().len(), 4);
    assert_eq!(cluster.slots().assigned(), 16_384);
    assert_eq!((cluster.migrating.len(), cluster.importing.len()), (1, 1));
    let replica = &cluster.nodes()[cluster.find(b"07c37dfeb235213a872192d90877d0cd55635b91").unwrap()];
    assert_eq!((replica.config_epoch, replica.hostname(), replica.cport), (0, "host4", 31_004));
    assert_eq!(cluster.myself().slaves.len(), 1);
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Log { text, .. } if text.starts_with("Node configuration loaded")))
    );
    let again = load(&cluster.nodes_conf(), &BTreeMap::new()).0.unwrap();
    assert_eq!(again.nodes_conf(), cluster.nodes_conf());
    assert!(again.nodes_conf().contains(" 0-5460 [77->-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]\n"));
}

#[test]
fn a_damaged_file_stops_the_start() {
    let me = "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca";
    let line =
        |flags: &str, rest: &str| format!("{me} 127.0.0.1:7000@17000 {flags} - 0 0 1 connected{rest}\n");
    for bad in [
        "garbage\n".to_string(),
        "vars currentEpoch\n".to_string(),
        line("master", ""),
        line("myself,sleeping", ""),
        line("myself,master", " 16384"),
        line("myself,master", " 5-99999"),
        line("myself,master", " [5->-xyz]"),
        line("myself,master", " [5"),
        line("myself,master", "").replace(':', ";"),
        line("myself,master", "").replacen(me, "E7", 1),
        line("myself,master", "").replace(" - ", " unknown "),
        line("myself,master", " \"5\""),
        "\u{fffd}\n".to_string(),
    ] {
        let (loaded, actions) = load(&bad, &BTreeMap::new());
        assert_eq!(loaded.err(), Some(LoadError), "{bad}");
        let said = actions.iter().any(|action| {
            matches!(action, Action::Log { text, .. } if text == "Unrecoverable error: corrupted cluster config file.")
        });
        assert!(said, "{bad}");
    }
    // Padding, unknown variables and an old line without a bus port are fine; a greater epoch of a node wins.
    let good = format!(
        "{}\n\n\nvars currentEpoch 0 newThing 7\n\n",
        line("myself,master", " 1 3-4").replace("@17000", "").replace(" 0 0 1 ", " 0 0 9 ")
    );
    let cluster = load(&good, &BTreeMap::new()).0.unwrap();
    assert_eq!(cluster.current_epoch(), 9);
    assert_eq!(cluster.myself().slots.ranges(), [(1, 1), (3, 4)]);
}

#[test]
fn no_file_makes_a_new_node_and_saves_it() {
    let (loaded, actions) = load("", &BTreeMap::new());
    let cluster = loaded.unwrap();
    assert!(cluster.is_master() && !cluster.is_ok());
    let saved = actions.iter().find_map(|a| match a {
        Action::SaveConfig { text, fsync: true } => Some(text.clone()),
        _ => None,
    });
    let name = cluster.myself().name;
    let expected =
        format!("{name} :0@0 myself,master - 0 0 0 connected\nvars currentEpoch 0 lastVoteEpoch 0\n");
    assert_eq!(saved, Some(expected), "the file of a fresh redis-server 7.0.15");
}

#[test]
fn keys_and_slots_are_brought_to_agree() {
    let keys = BTreeMap::from([(10, 1), (6_000, 2), (11, 0)]);
    let without = CONF.replace(" 0-5460 [93-<-292f8b365bb7edb5e285caf0b7e6ddc7265d2f4f]", " 100-5460");
    let (loaded, actions) = load(&without, &keys);
    let cluster = loaded.unwrap();
    assert!(cluster.myself().slots.contains(10), "an unassigned slot with keys is ours");
    assert!(!cluster.myself().slots.contains(11));
    assert!(cluster.importing.contains_key(&6_000), "another's slot is taken as being imported");
    let logged = |text: &str| actions.iter().any(|a| matches!(a, Action::Log { text: t, .. } if t == text));
    assert!(logged("I have keys for unassigned slot 10. Taking responsibility for it."));
    assert!(logged(
        "I have keys for slot 6000, but the slot is assigned to another node. Setting it to importing state."
    ));
    assert!(actions.iter().any(|a| matches!(a, Action::SaveConfig { fsync: true, .. })));
}

#[test]
fn down_clusters_say_so() {
    let (loaded, _) = load(CONF, &BTreeMap::new());
    let cluster = loaded.unwrap();
    let query = route::Query::default();
    let text = |cfg: &ClusterConfig, query, key: &[u8]| {
        let route = cluster.route(cfg, query, [key], |_| true);
        cluster.redirect_text(cfg, route).unwrap_or_default()
    };
    let mut cfg = config();
    assert_eq!(text(&cfg, query, b"a"), "CLUSTERDOWN The cluster is down");
    cfg.allow_reads_when_down = true;
    assert_eq!(text(&cfg, query, b"a"), "MOVED 15495 127.0.0.1:30003");
    let write = route::Query { write: true, ..query };
    assert_eq!(text(&cfg, write, b"a"), "CLUSTERDOWN The cluster is down and only accepts read commands");
    cfg.preferred_endpoint_type = EndpointType::Hostname;
    assert_eq!(text(&cfg, query, b"a"), "MOVED 15495 ?:30003");
    cfg.preferred_endpoint_type = EndpointType::UnknownEndpoint;
    assert_eq!(text(&cfg, query, b"a"), "MOVED 15495 :30003");
    assert_eq!(cluster.route_blocked(Some(b"a"), false, true), Some(route::Route::Down));
}
