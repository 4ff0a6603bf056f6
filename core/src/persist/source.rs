//! The bytes of a snapshot of the whole dataset, in whichever form they are wanted.

use super::file::Source;
use super::rdb::commands::CommandWriter;
use super::rdb::writer::{RdbOptions, RdbWriter};
use crate::config::Config;
use crate::host::Now;
use crate::store::Db;

/// A snapshot being written out. Taking one costs next to nothing.
#[derive(Clone)]
pub enum DatasetSource {
    /// As an RDB file.
    Rdb(Box<RdbWriter>),
    /// As commands.
    Commands(Box<CommandWriter>),
}

impl DatasetSource {
    /// An RDB file of these databases.
    pub fn rdb<'a>(databases: impl IntoIterator<Item = &'a Db>, options: RdbOptions) -> DatasetSource {
        DatasetSource::Rdb(Box::new(RdbWriter::new(databases, options)))
    }

    /// The base of an append-only file, in the form that `aof-use-rdb-preamble` asks for.
    pub fn aof_base<'a>(
        databases: impl IntoIterator<Item = &'a Db>,
        now: Now,
        config: &Config,
        mut options: RdbOptions,
    ) -> DatasetSource {
        if config.aof_use_rdb_preamble {
            options.aof_base = true;
            options.repl = None;
            return DatasetSource::rdb(databases, options);
        }
        let timestamp = config.aof_timestamp_enabled.then(|| now.wall_s());
        DatasetSource::Commands(Box::new(CommandWriter::new(databases, timestamp, &options.functions)))
    }
}

impl Source for DatasetSource {
    fn fill(&mut self, len: usize, out: &mut Vec<u8>) -> bool {
        match self {
            DatasetSource::Rdb(writer) => writer.fill(len, out),
            DatasetSource::Commands(writer) => writer.fill(len, out),
        }
    }

    fn keys(&self) -> u64 {
        match self {
            DatasetSource::Rdb(writer) => writer.keys_written(),
            DatasetSource::Commands(_) => 0,
        }
    }
}

impl std::fmt::Debug for DatasetSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DatasetSource::Rdb(_) => "Rdb",
            DatasetSource::Commands(_) => "Commands",
        })
    }
}
