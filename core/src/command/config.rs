//! CONFIG (config.c 7.0.15): a thin layer over [`crate::config`], which knows everything about directives; here changes take effect.

use super::Handlers;
use crate::config::{self, Applied, Config, Effect, SetContext, SetError};
use crate::exec::{Done, Error, Exec};
use crate::host::LogLevel;
use crate::node::Node;
use crate::persist::aof::AofState;
use std::rc::Rc;

pub(crate) const HANDLERS: Handlers = &[
    ("config|get", get),
    ("config|set", set),
    ("config|resetstat", resetstat),
    ("config|rewrite", rewrite),
    ("config|help", help),
];

/// `CONFIG GET pattern …`
fn get(exec: &mut Exec<'_>) -> Done {
    let found = config::get(&exec.node.config, &exec.args[2..]);
    exec.reply.map(found.len());
    for (name, value) in found {
        exec.reply.bulk(&name);
        exec.reply.bulk(&value);
    }
    Ok(())
}

/// `CONFIG SET name value …`
fn set(exec: &mut Exec<'_>) -> Done {
    if !exec.args.len().is_multiple_of(2) {
        return Err(Error::SYNTAX);
    }
    let pairs: Vec<(&[u8], &[u8])> = exec.args[2..].chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let local_client = exec.client().is_some_and(|client| client.is_local());
    let context = SetContext { loading: exec.node.loading(), local_client };
    let refused = |error: SetError| Error::new([&b"-"[..], &error.reply()].concat());
    let applied = config::set(Rc::make_mut(&mut exec.node.config), &pairs, context).map_err(refused)?;
    carry_out(exec.node, applied).map_err(refused)?;
    exec.reply.ok();
    Ok(())
}

/// Brings about what changed directives ask for; if one cannot be, all is put back as it was.
fn carry_out(node: &mut Node, applied: Applied) -> Result<(), SetError> {
    node.configuration_changed();
    let before = Rc::new(*applied.before);
    for (done, (effect, name)) in applied.effects.iter().enumerate() {
        let Err(reason) = apply(node, *effect, &before) else { continue };
        node.log(
            LogLevel::Warning,
            format!(
                "Failed applying new configuration. Possibly related to new {name} setting. Restoring previous settings."
            ),
        );
        node.config = Rc::clone(&before);
        node.configuration_changed();
        for (effect, _) in &applied.effects[..done] {
            if let Err(reason) = apply(node, *effect, &before) {
                let text = format!("Failed applying restored failed CONFIG SET command: {reason}");
                node.log(LogLevel::Warning, text);
            }
        }
        return Err(SetError::Failed {
            argument: name.as_bytes().to_vec(),
            reason: Some(reason.to_string()),
        });
    }
    Ok(())
}

fn apply(node: &mut Node, effect: Effect, before: &Config) -> Result<(), &'static str> {
    match effect {
        // The cron reads hz anew each time; connections check limits when they matter; the ACL reads requirepass.
        Effect::Hz | Effect::ClientMaxMemory | Effect::Maxclients | Effect::RequirePass => {}
        // Where its files are and where it listens is settled between a node and its host before it starts.
        Effect::Dir if node.config.dir == before.dir => {}
        Effect::Dir => return Err("the working directory of a running server cannot be changed"),
        Effect::Port => return Err("Unable to listen on this port. Check server logs."),
        Effect::Bind => return Err("Failed to bind to specified addresses."),
        Effect::ReplBacklogSize => {
            let size = node.config.repl_backlog_size.max(1) as usize;
            if let Some(backlog) = &mut node.repl.backlog {
                backlog.resize(size);
            }
        }
        Effect::Maxmemory => {
            node.maxmemory_changed();
            warn_if_over(node);
        }
        Effect::GoodReplicas => node.count_good_replicas(),
        Effect::Appendonly => {
            if node.config.appendonly && node.aof.state() == AofState::Off {
                node.restart_aof_if_stopped();
            } else if !node.config.appendonly && node.aof.state() != AofState::Off {
                let config = Rc::clone(&node.config);
                node.aof.disable(node.now, &config, &mut node.out);
            }
        }
        Effect::AofAutoGc => {
            if !node.config.aof_disable_auto_gc {
                let config = Rc::clone(&node.config);
                node.aof.remove_history(&config, &mut node.out);
            }
        }
        // The cluster sees by itself that the configuration is another one; it shall before the next CLUSTER NODES.
        Effect::ClusterFlags | Effect::ClusterAnnouncedPort | Effect::ClusterIp | Effect::ClusterHostname => {
            node.with_cluster(|_, _| ());
        }
        Effect::Tls => {
            let wanted = node.config.tls_port != 0 || node.config.tls_cluster || node.config.tls_replication;
            if wanted {
                return Err("Unable to update TLS configuration. Check server logs.");
            }
        }
    }
    Ok(())
}

fn warn_if_over(node: &mut Node) {
    let (limit, used) = (node.config.maxmemory, node.used_memory());
    if limit != 0 && limit < used {
        node.log(
            LogLevel::Warning,
            format!(
                "WARNING: the new maxmemory value set via CONFIG SET ({limit}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands depending on \
                 the maxmemory-policy."
            ),
        );
    }
}

/// `CONFIG RESETSTAT`
fn resetstat(exec: &mut Exec<'_>) -> Done {
    exec.node.stats.reset();
    exec.node.latency.reset_histograms();
    exec.reply.ok();
    Ok(())
}

/// `CONFIG REWRITE`: the reply comes when the file is durable; until then the node does nothing else, as Redis does.
fn rewrite(exec: &mut Exec<'_>) -> Done {
    if exec.node.options.conf_path.is_none() {
        return Err(Error::fixed("The server is running without a config file"));
    }
    exec.node.begin_config_rewrite(exec.client);
    Ok(())
}

fn help(exec: &mut Exec<'_>) -> Done {
    super::help(
        exec,
        &[
            "GET <pattern>",
            "    Return parameters matching the glob-like <pattern> and their values.",
            "SET <directive> <value>",
            "    Set the configuration <directive> to <value>.",
            "RESETSTAT",
            "    Reset statistics reported by the INFO command.",
            "REWRITE",
            "    Rewrite the configuration file.",
        ],
    )
}
