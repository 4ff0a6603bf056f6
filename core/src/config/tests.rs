use super::*;

/// `CONFIG GET *` of redis-server 7.0.15 (Debian) started with `--port 7790 --save "" --dir /data`, sorted.
const ORACLE: &str = include_str!("config-get-7.0.15.txt");

#[test]
fn config_get_star_equals_the_oracle() {
    let config = Config::parse("port 7790\nsave \"\"\ndir /data\nenable-debug-command yes\n").unwrap();
    let mut ours: Vec<String> = get(&config, &[b"*"])
        .into_iter()
        .map(|(n, v)| format!("{}\t{}", String::from_utf8(n).unwrap(), String::from_utf8(v).unwrap()))
        .collect();
    ours.sort();
    assert_eq!(ours, ORACLE.lines().map(String::from).collect::<Vec<_>>());
}

#[test]
fn the_six_nodes_start() {
    let text = "port 7001\ncluster-enabled yes\ncluster-config-file cluster-node-1.conf\ncluster-node-timeout 5000\n\
                appendonly yes\nappendfilename node-1.aof\ndbfilename dump-1.rdb\n";
    let config = Config::parse(text).unwrap();
    assert_eq!((config.port, config.cluster_enabled, config.cluster_node_timeout), (7001, true, 5000));
    assert_eq!(config.cluster_config_file, "cluster-node-1.conf");
    assert_eq!((config.appendfilename.as_str(), config.dbfilename.as_str()), ("node-1.aof", "dump-1.rdb"));
    assert_eq!(config.bus_port(), 17001);
    assert_eq!(config.save, special::default_save());
}

fn refused(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn bad_lines_are_refused_in_redis_words() {
    assert_eq!(
        refused("# notes\nport 7001  #port\n"),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line 2\n\
         >>> 'port 7001  #port'\nwrong number of arguments\n"
    );
    let reason = |text: &str| Config::parse(text).unwrap_err().reason;
    assert_eq!(reason("nonsense 1"), "Bad directive or wrong number of arguments");
    assert_eq!(reason("appendonly maybe"), "argument must be 'yes' or 'no'");
    assert_eq!(reason("port 70000"), "argument must be between 0 and 65535 inclusive");
    assert_eq!(reason("port abc"), "argument couldn't be parsed into an integer");
    assert_eq!(reason("maxmemory lots"), "argument must be a memory value");
    assert_eq!(reason("save 60"), "Invalid save parameters");
    assert_eq!(reason("port \"7001"), "Unbalanced quotes in configuration line");
    assert_eq!(reason("unixsocketperm 9"), "argument couldn't be parsed as an octal number");
    assert_eq!(reason("unixsocketperm 1000"), "argument must be between 0 and 777 inclusive");
    assert_eq!(reason("maxmemory-clients 101%"), "percentage argument must be less or equal to 100");
    assert_eq!(reason("appendfsync often"), "argument(s) must be one of the following: everysec, always, no");
    assert_eq!(
        refused("cluster-enabled yes\nreplicaof a 1\n"),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nreplicaof directive not allowed in cluster mode\n"
    );
    assert_eq!(
        refused("include other.conf"),
        "Fatal error, can't open config file 'other.conf': No such file or directory\n"
    );
}

#[test]
fn includes_are_read_where_they_stand() {
    struct Files(fn(&str) -> String);
    impl ConfigFiles for Files {
        fn include(&mut self, path: &str) -> Result<String, String> {
            Ok((self.0)(path))
        }
        fn change_dir(&mut self, _: &str) -> Result<(), String> {
            Err("No such file or directory".to_string())
        }
    }
    let mut files = Files(|path| format!("port 1\ndbfilename {path}\n"));
    let config = Config::parse_with("port 5\ninclude a.rdb\nport 2\n", &mut files).unwrap();
    assert_eq!((config.port, config.dbfilename.as_str()), (2, "a.rdb"));
    let error = Config::parse_with("port 1\ndir /nowhere\n", &mut files).unwrap_err();
    assert_eq!((error.line.unwrap().number, error.reason.as_str()), (2, "No such file or directory"));
    let mut circle = Files(|_| "include again".to_string());
    assert!(Config::parse_with("include again", &mut circle).unwrap_err().unreadable);
}

#[test]
fn save_lines_add_up_after_the_first() {
    let points = |text: &str| Config::parse(text).unwrap().save.iter().map(|p| p.seconds).collect::<Vec<_>>();
    assert_eq!(points("save 900 1\nsave 300 10\n"), [900, 300]);
    assert_eq!(points("save 900 1 300 10\n"), [900, 300]);
    assert_eq!(points("save \"900 1 300 10\"\n"), [900, 300]);
    assert_eq!(points("save 900 1\nsave \"\"\n"), Vec::<i64>::new());
}

fn set_all(config: &mut Config, pairs: &[(&str, &str)]) -> Result<Applied, String> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    set(config, &pairs, SetContext::default()).map_err(|e| e.to_string())
}

#[test]
fn config_set_sets_all_or_nothing() {
    let mut config = Config::default();
    let before = config.clone();
    let error = set_all(&mut config, &[("maxmemory", "1mb"), ("timeout", "x")]).unwrap_err();
    assert_eq!(
        error,
        "ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be parsed into an integer"
    );
    assert_eq!(config, before);
    let applied =
        set_all(&mut config, &[("MAXMEMORY", "1mb"), ("save", "10 1"), ("appendonly", "yes")]).unwrap();
    assert_eq!(applied.effects, [(Effect::Maxmemory, "maxmemory"), (Effect::Appendonly, "appendonly")]);
    assert_eq!(*applied.before, before);
    assert_eq!((config.maxmemory, config.save.len()), (1 << 20, 1));
}

#[test]
fn config_set_refuses_in_redis_words() {
    let mut config = Config::default();
    let mut refusal = |pairs: &[(&str, &str)]| set_all(&mut config, pairs).unwrap_err();
    assert_eq!(refusal(&[("foo", "1")]), "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
    assert_eq!(
        refusal(&[("Daemonize", "yes")]),
        "ERR CONFIG SET failed (possibly related to argument 'Daemonize') - can't set immutable config"
    );
    assert_eq!(
        refusal(&[("dir", "/tmp")]),
        "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config"
    );
    assert_eq!(
        refusal(&[("hz", "1"), ("hz", "2")]),
        "ERR CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter"
    );
    assert_eq!(
        refusal(&[("notify-keyspace-events", "q")]),
        "ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event class \
         character. Use 'Ag$lshzxeKEtmdn'."
    );
    let loading = SetContext { loading: true, local_client: false };
    assert_eq!(set(&mut config, &[(b"appendonly", b"yes")], loading).unwrap_err(), SetError::Loading);
}

#[test]
fn hz_is_kept_within_bounds() {
    let mut config = Config::parse("hz 10000").unwrap();
    assert_eq!(config.hz, 500);
    let applied = set_all(&mut config, &[("hz", "0")]).unwrap();
    assert_eq!((config.hz, applied.effects), (1, vec![(Effect::Hz, "hz")]));
}

#[test]
fn config_get_shows_what_was_typed() {
    let config = Config::default();
    let names = |patterns: &[&[u8]]| -> Vec<String> {
        get(&config, patterns).into_iter().map(|(n, _)| String::from_utf8(n).unwrap()).collect()
    };
    assert_eq!(names(&[b"MaxMemory", b"maxmemory", b"nothing"]), ["MaxMemory"]);
    assert_eq!(names(&[b"slave-prio*"]), ["slave-priority"]);
    assert_eq!(names(&[b"use-exit-on-pani?"]), Vec::<String>::new(), "hidden ones need their full name");
    assert_eq!(names(&[b"use-exit-on-panic"]), ["use-exit-on-panic"]);
}

#[test]
fn rewrite_keeps_comments_and_order() {
    let old = "# my node\nport 7001\n\nsave 900 1\nsave 300 10\n\n\nslave-priority 10\ninclude x.conf\nold-thing 1\n";
    let mut config = Config::parse("port 7001\nsave 900 1\nslave-priority 10\ndir /data\n").unwrap();
    config.maxmemory = 100 << 20;
    config.requirepass = Some(b"a \"b\"".to_vec());
    let new = rewrite(old, &config, &["default on nopass ~* &* +@all".to_string()]);
    assert_eq!(
        new,
        "# my node\nport 7001\n\nsave 900 1\n\nreplica-priority 10\ninclude x.conf\n# ??? old-thing 1\n\n\
         # Generated by CONFIG REWRITE\nrequirepass \"a \\\"b\\\"\"\nmaxmemory 100mb\ndir \"/data\"\n\
         latency-tracking-info-percentiles 50 99 99.9\nuser default on nopass ~* &* +@all\n"
    );
    assert_eq!(
        rewrite(&new, &config, &["default on nopass ~* &* +@all".to_string()]).matches("# Gen").count(),
        1
    );
}

#[test]
fn a_rewritten_file_means_the_same() {
    let mut config = Config::parse("dir /d\n").unwrap();
    set_all(
        &mut config,
        &[
            ("shutdown-on-sigterm", "save now"),
            ("client-output-buffer-limit", "replica 1gb 1mb 5"),
            ("bind", ""),
            ("maxmemory-clients", "5%"),
            ("notify-keyspace-events", "KEx"),
            ("save", ""),
            ("masterauth", "\u{1}x"),
        ],
    )
    .unwrap();
    let text = rewrite("", &config, &[]);
    assert_eq!(Config::parse(&text).unwrap(), config);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[a-z\\-]{0,20} [ -~\n]{0,60}") {
        let _ = Config::parse(&text);
        let _ = rewrite(&text, &Config::default(), &[]);
    }

    #[test]
    fn no_value_panics(index in 0usize..190, value in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
        let mut config = Config::default();
        if let Some(directive) = directives().nth(index) {
            let _ = set(&mut config, &[(directive.name.as_bytes(), &value)], SetContext::default());
        }
        get(&config, &[b"*", &value]);
    }
}
