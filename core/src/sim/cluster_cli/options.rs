//! The command line of `redis-cli --cluster`, and its help.

use crate::store::float::of_decimal;

/// The numbers of redis-cli.c 7.0.15: `CLUSTER_MANAGER_MIGRATE_TIMEOUT` in milliseconds, `…_MIGRATE_PIPELINE`, `…_REBALANCE_THRESHOLD` in
/// per cent.
const TIMEOUT_MS: i64 = 60_000;
const PIPELINE: i64 = 10;
const THRESHOLD: f32 = 2.0;

/// What was typed.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "they are flags of a command line")]
pub(crate) struct Options {
    pub command: String,
    pub args: Vec<String>,
    pub replicas: i64,
    pub master_id: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub slots: i64,
    pub timeout_ms: i64,
    pub pipeline: i64,
    pub threshold: f32,
    pub weights: Vec<String>,
    pub yes: bool,
    pub simulate: bool,
    pub replace: bool,
    pub slave: bool,
    pub use_empty_masters: bool,
    pub search_multiple_owners: bool,
    pub fix_with_unreachable_masters: bool,
    pub only_masters: bool,
    pub only_replicas: bool,
    pub verbose: bool,
    pub user: Option<String>,
    pub password: Option<String>,
}

/// As C's: the number that a text begins with, or 0.
pub(super) fn atoi(text: &str) -> i64 {
    let text = text.trim_start();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let n: i64 = digits[..len].parse().unwrap_or(if len > 0 { i64::MAX } else { 0 });
    if text.starts_with('-') { -n } else { n }
}

impl Options {
    /// Reads a line's arguments behind `redis-cli` (`parseOptions`). `None` if they do not ask for the cluster manager.
    pub fn parse(args: &[String]) -> Option<Result<Options, String>> {
        args.iter().any(|a| a == "--cluster").then(|| Options::read(args))
    }

    fn read(args: &[String]) -> Result<Options, String> {
        let mut options = Options {
            command: String::new(),
            args: Vec::new(),
            replicas: 0,
            master_id: None,
            from: None,
            to: None,
            slots: 0,
            timeout_ms: TIMEOUT_MS,
            pipeline: PIPELINE,
            threshold: THRESHOLD,
            weights: Vec::new(),
            yes: false,
            simulate: false,
            replace: false,
            slave: false,
            use_empty_masters: false,
            search_multiple_owners: false,
            fix_with_unreachable_masters: false,
            only_masters: false,
            only_replicas: false,
            verbose: false,
            user: None,
            password: None,
        };
        let mut rest = args.iter().peekable();
        while let Some(option) = rest.next() {
            let flag = match option.as_str() {
                "--cluster-yes" => Some(&mut options.yes),
                "--cluster-simulate" => Some(&mut options.simulate),
                "--cluster-replace" => Some(&mut options.replace),
                "--cluster-slave" => Some(&mut options.slave),
                "--cluster-use-empty-masters" => Some(&mut options.use_empty_masters),
                "--cluster-search-multiple-owners" => Some(&mut options.search_multiple_owners),
                "--cluster-fix-with-unreachable-masters" => Some(&mut options.fix_with_unreachable_masters),
                "--cluster-only-masters" => Some(&mut options.only_masters),
                "--cluster-only-replicas" => Some(&mut options.only_replicas),
                "--verbose" => Some(&mut options.verbose),
                _ => None,
            };
            if let Some(flag) = flag {
                *flag = true;
                continue;
            }
            if !option.starts_with('-') {
                // A command's own arguments; the cluster manager has none.
                break;
            }
            if option == "--cluster-weight" && rest.peek().is_some() {
                // A word without `=` is no weight, and then no option either.
                while let Some(arg) = rest.next_if(|a| !a.starts_with("--") && a.contains('=')) {
                    options.weights.push(arg.clone());
                }
                continue;
            }
            let bad = || format!("Unrecognized option or bad number of args for: '{option}'\n");
            let value = rest.next().ok_or_else(bad)?;
            match option.as_str() {
                "--cluster" => {
                    options.command.clone_from(value);
                    while let Some(arg) = rest.next_if(|a| !a.starts_with('-')) {
                        options.args.push(arg.clone());
                    }
                }
                "--cluster-replicas" => options.replicas = atoi(value),
                "--cluster-master-id" => options.master_id = Some(value.clone()),
                "--cluster-from" => options.from = Some(value.clone()),
                "--cluster-to" => options.to = Some(value.clone()),
                "--cluster-slots" => options.slots = atoi(value),
                "--cluster-timeout" => options.timeout_ms = atoi(value),
                "--cluster-pipeline" => options.pipeline = atoi(value),
                "--cluster-threshold" => options.threshold = of_decimal(value).unwrap_or(0.0) as f32,
                "-a" | "--pass" => options.password = Some(value.clone()),
                "--user" => options.user = Some(value.clone()),
                _ => return Err(bad()),
            }
        }
        Ok(options)
    }

    /// What a new connection says first; `None` without a password.
    pub fn auth(&self) -> Option<Vec<&str>> {
        let password = self.password.as_deref()?;
        Some(std::iter::once("AUTH").chain(self.user.as_deref()).chain([password]).collect())
    }
}

/// What `redis-cli --cluster help` prints.
pub(crate) fn help() -> &'static str {
    "Cluster Manager Commands:
  create         host1:port1 ... hostN:portN
                 --cluster-replicas <arg>
  check          <host:port> or <host> <port> - separated by either colon or space
                 --cluster-search-multiple-owners
  info           <host:port> or <host> <port> - separated by either colon or space
  fix            <host:port> or <host> <port> - separated by either colon or space
                 --cluster-search-multiple-owners
                 --cluster-fix-with-unreachable-masters
  reshard        <host:port> or <host> <port> - separated by either colon or space
                 --cluster-from <arg>
                 --cluster-to <arg>
                 --cluster-slots <arg>
                 --cluster-yes
                 --cluster-timeout <arg>
                 --cluster-pipeline <arg>
                 --cluster-replace
  rebalance      <host:port> or <host> <port> - separated by either colon or space
                 --cluster-weight <node1=w1...nodeN=wN>
                 --cluster-use-empty-masters
                 --cluster-timeout <arg>
                 --cluster-simulate
                 --cluster-pipeline <arg>
                 --cluster-threshold <arg>
                 --cluster-replace
  add-node       new_host:new_port existing_host:existing_port
                 --cluster-slave
                 --cluster-master-id <arg>
  del-node       host:port node_id
  call           host:port command arg arg .. arg
                 --cluster-only-masters
                 --cluster-only-replicas
  set-timeout    host:port milliseconds
  import         host:port
                 --cluster-from <arg>
                 --cluster-from-user <arg>
                 --cluster-from-pass <arg>
                 --cluster-from-askpass
                 --cluster-copy
                 --cluster-replace
  backup         host:port backup_directory
  help           

For check, fix, reshard, del-node, set-timeout, info, rebalance, call, import, backup you can specify the host and port of any working node in the cluster.

Cluster Manager Options:
  --cluster-yes  Automatic yes to cluster commands prompts

"
}
