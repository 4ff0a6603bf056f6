//! What INFO counts. Every counter starts at zero with the process; CONFIG RESETSTAT sets those back that Redis sets back.

use litemap::LiteMap;

/// Calls of one command.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    /// How often it ran.
    pub calls: u64,
    /// How long it ran in all, in nanoseconds: INFO shows microseconds.
    pub nsec: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it ran and gave an error.
    pub failed: u64,
}

/// The counters of a node.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Per command, by [`crate::command::table::CommandId::index`].
    pub commands: Vec<CommandStats>,
    /// Per error code.
    pub errors: LiteMap<String, u64>,
    /// `total_connections_received`
    pub connections: u64,
    /// `rejected_connections`
    pub rejected_connections: u64,
    /// `total_commands_processed`
    pub commands_processed: u64,
    /// `total_net_input_bytes`
    pub net_input_bytes: u64,
    /// `total_net_output_bytes`
    pub net_output_bytes: u64,
    /// `total_net_repl_input_bytes`
    pub net_repl_input_bytes: u64,
    /// `total_net_repl_output_bytes`
    pub net_repl_output_bytes: u64,
    /// `sync_full`
    pub sync_full: u64,
    /// `sync_partial_ok`
    pub sync_partial_ok: u64,
    /// `sync_partial_err`
    pub sync_partial_err: u64,
    /// `expired_keys`
    pub expired_keys: u64,
    /// `evicted_keys`
    pub evicted_keys: u64,
    /// `evicted_clients`
    pub evicted_clients: u64,
    /// `keyspace_hits`
    pub keyspace_hits: u64,
    /// `keyspace_misses`
    pub keyspace_misses: u64,
    /// `total_error_replies`
    pub error_replies: u64,
    /// `unexpected_error_replies`
    pub unexpected_error_replies: u64,
    /// `total_reads_processed`
    pub reads_processed: u64,
    /// `total_writes_processed`
    pub writes_processed: u64,
    /// `total_forks`: snapshots begun, which are what forks are to Redis.
    pub forks: u64,
    /// `client_query_buffer_limit_disconnections`
    pub query_buffer_disconnections: u64,
    /// `client_output_buffer_limit_disconnections`
    pub output_buffer_disconnections: u64,
    /// `used_memory_peak`, in bytes.
    pub memory_peak: u64,
    /// `instantaneous_ops_per_sec` and its kin: 16 samples, one each 100 ms.
    pub rates: Rates,
}

impl Stats {
    /// Counters at zero for `commands` commands.
    pub fn new(commands: usize) -> Stats {
        Stats { commands: vec![CommandStats::default(); commands], ..Stats::default() }
    }

    /// Counts an error reply by its code, the word before the first space (`incrementErrorCount`, server.c 7.0.15).
    pub fn count_error(&mut self, text: &[u8]) {
        self.error_replies += 1;
        let end = text.iter().position(|&byte| byte == b' ' || byte == b'\r').unwrap_or(text.len());
        let code = String::from_utf8_lossy(&text[..end.min(64)]).into_owned();
        if self.errors.len() < 128 || self.errors.contains_key(&code) {
            *self.errors.entry(code).or_default() += 1;
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        let kept = (self.memory_peak, self.commands.len());
        *self = Stats::new(kept.1);
        self.memory_peak = kept.0;
    }
}

/// One figure sampled ten times a second, averaged over 16 samples (`trackInstantaneousMetric`, server.c 7.0.15).
#[derive(Clone, Copy, Debug, Default)]
pub struct Rate {
    samples: [u64; 16],
    next: usize,
    last_value: u64,
    last_us: u64,
}

impl Rate {
    /// Takes the counter's present value at `now_us`.
    pub fn sample(&mut self, now_us: u64, value: u64) {
        if self.last_us > 0 && now_us > self.last_us {
            let per_s =
                value.saturating_sub(self.last_value).saturating_mul(1_000_000) / (now_us - self.last_us);
            self.samples[self.next] = per_s;
            self.next = (self.next + 1) % self.samples.len();
        }
        self.last_value = value;
        self.last_us = now_us;
    }

    /// The average per second.
    pub fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / self.samples.len() as u64
    }
}

/// What INFO shows per second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// Commands.
    pub commands: Rate,
    /// Bytes in.
    pub net_input: Rate,
    /// Bytes out.
    pub net_output: Rate,
}
