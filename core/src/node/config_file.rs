//! CONFIG REWRITE's work on the disk: the old file is read, the new one written beside it, made durable and put in its
//! place (`rewriteConfigReadOldFile`, `rewriteConfigOverwriteFile`, config.c 7.0.15). The node waits meanwhile, as Redis does.

use super::Node;
use super::client::{Blocked, ClientId};
use crate::config::rewrite;
use crate::host::{DiskError, DiskReply, DiskRequest, LogLevel, OpId, limits};
use crate::persist::disk::{Sequence, folder_of};
use std::rc::Rc;

/// A configuration file longer than this is not read.
const FILE_LEN_MAX: usize = 16 << 20;

#[derive(Clone, Debug)]
enum Stage {
    /// The old file is being read; what came so far.
    Read { op: OpId, text: Vec<u8> },
    /// The new file is being written; the mark tells the step for the log.
    Write(Sequence<&'static str>),
}

/// A CONFIG REWRITE under way.
#[derive(Clone, Debug)]
pub(crate) struct ConfigRewrite {
    client: ClientId,
    path: Rc<str>,
    temporary: Rc<str>,
    stage: Stage,
}

impl Node {
    /// The configuration was changed: what was worked out from it is worked out anew.
    pub(crate) fn configuration_changed(&mut self) {
        let packed_threshold = self.limits.list_packed_threshold;
        self.limits = super::store_limits(&self.config, self.limits.seed);
        self.limits.list_packed_threshold = packed_threshold;
    }

    /// Begins to rewrite the configuration file for a client, which gets its reply at the end.
    pub(crate) fn begin_config_rewrite(&mut self, client: ClientId) {
        let Some(path) = self.options.conf_path.clone() else { return };
        let path: Rc<str> = path.into();
        let temporary = format!("{path}.{}", self.rng.hex(6)).into();
        let op = self.disk(read_request(&path, 0));
        let stage = Stage::Read { op, text: Vec::new() };
        self.config_rewrite = Some(ConfigRewrite { client, path, temporary, stage });
        self.block(client, Blocked::ConfigRewrite);
    }

    /// Takes the result of a disk operation, if it is one of a rewrite. Returns whether it was.
    pub(super) fn config_rewrite_done(&mut self, op: OpId, result: &Result<DiskReply, DiskError>) -> bool {
        let Some(mut job) = self.config_rewrite.take() else { return false };
        match &mut job.stage {
            Stage::Read { op: current, text } if *current == op => {
                match result {
                    Ok(DiskReply::Bytes(bytes)) => {
                        text.extend_from_slice(bytes);
                        if bytes.len() == limits::DISK_READ_LEN_MAX as usize && text.len() < FILE_LEN_MAX {
                            let next = self.out.disk(read_request(&job.path, text.len() as u64));
                            job.stage = Stage::Read { op: next, text: std::mem::take(text) };
                            self.config_rewrite = Some(job);
                            return true;
                        }
                    }
                    // A file that is not there is written anew.
                    Ok(_) | Err(DiskError::NotFound) => {}
                    Err(error) => {
                        self.finish_config_rewrite(job, Err(*error));
                        return true;
                    }
                }
                let old = String::from_utf8_lossy(text).into_owned();
                let users = [self.default_user_line()];
                let new = rewrite(&old, &self.config, &users);
                job.stage = Stage::Write(self.write_config(&job.path, &job.temporary, new));
                self.config_rewrite = Some(job);
                true
            }
            Stage::Write(sequence) => {
                match sequence.on_disk(op, result, &mut self.out) {
                    None => {
                        // It may be another's operation: then nothing has changed.
                        self.config_rewrite = Some(job);
                        return false;
                    }
                    Some(Ok(())) => self.finish_config_rewrite(job, Ok(())),
                    Some(Err((step, error))) => {
                        self.log(LogLevel::Warning, format!("Could not {step} ({})", error.strerror()));
                        let path = job.temporary.clone();
                        self.disk(DiskRequest::Remove { path });
                        self.finish_config_rewrite(job, Err(error));
                    }
                }
                true
            }
            Stage::Read { .. } => {
                self.config_rewrite = Some(job);
                false
            }
        }
    }

    fn write_config(&mut self, path: &Rc<str>, temporary: &Rc<str>, text: String) -> Sequence<&'static str> {
        let bytes: Rc<[u8]> = text.into_bytes().into();
        let steps = [
            ("create tmp config file", DiskRequest::Create { path: temporary.clone() }),
            ("write tmp config file", DiskRequest::Append { path: temporary.clone(), bytes }),
            ("sync tmp config file to disk", DiskRequest::Fsync { path: temporary.clone() }),
            ("rename tmp config file", DiskRequest::Rename { from: temporary.clone(), to: path.clone() }),
            ("sync config file dir", DiskRequest::FsyncDir { path: folder_of(path) }),
        ];
        Sequence::start(steps, &mut self.out)
    }

    fn finish_config_rewrite(&mut self, job: ConfigRewrite, result: Result<(), DiskError>) {
        self.unblock(job.client);
        match result {
            Ok(()) => {
                self.log(LogLevel::Warning, "CONFIG REWRITE executed with success.");
                self.reply_to(job.client, |reply| reply.ok());
            }
            Err(error) => {
                let text = error.strerror();
                self.log(LogLevel::Warning, format!("CONFIG REWRITE failed: {text}"));
                self.reply_to(job.client, |reply| reply.error(&format!("Rewriting config file: {text}")));
            }
        }
        self.resumed.push_back(job.client);
    }

    /// The one user, as a `user` line describes it (`ACLDescribeUser`, acl.c 7.0.15).
    fn default_user_line(&self) -> String {
        use sha2::{Digest, Sha256};
        let secret = match &self.config.requirepass {
            Some(password) => {
                let digest = Sha256::digest(password);
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("#{hex}")
            }
            None => "nopass".to_string(),
        };
        format!("default on {secret} ~* &* +@all")
    }
}

fn read_request(path: &Rc<str>, offset: u64) -> DiskRequest {
    DiskRequest::Read { path: path.clone(), offset, len_max: limits::DISK_READ_LEN_MAX }
}
