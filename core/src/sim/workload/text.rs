//! A workload as one word of a scenario: `clients=10,rate=1000,keys=500,zipf=990,value=32-200,reads=50`.
//!
//! What stands at its default is left out, but for the number of clients, so that the word is never empty. The word is read back as
//! the same value; [`FromStr`] does not check that the values make sense together, which
//! [`Workload::check`] does when it is started.

use super::{Distribution, Mix, Pace, Sizes, Wait, Workload};
use std::fmt;
use std::str::FromStr;

/// The kinds of operations by name, in the order of [`Mix::weights`].
const KINDS: [&str; 9] = [
    "strings",
    "counters",
    "lists",
    "hashes",
    "sets",
    "multi-keys",
    "transactions",
    "publish",
    "shard-publish",
];

/// Whether text can stand in the word as it is.
pub(super) fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || matches!(c, ':' | '_' | '-' | '.' | '/'))
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Workload::default();
        let number = |f: &mut fmt::Formatter<'_>, name: &str, value: u64, default: u64| {
            if value == default { Ok(()) } else { write!(f, ",{name}={value}") }
        };
        write!(f, "clients={}", self.clients)?;
        if !self.seeds.is_empty() {
            write!(f, ",seeds={}", self.seeds.join("+"))?;
        }
        match self.pace {
            pace if pace == default.pace => {}
            Pace::Open { per_second } => write!(f, ",rate={per_second}")?,
            Pace::Closed { think_us } => write!(f, ",think={think_us}us")?,
        }
        number(f, "pipeline", self.pipeline.into(), default.pipeline.into())?;
        number(f, "operations", self.operations_max, default.operations_max)?;
        number(f, "keys", self.keys.count, default.keys.count)?;
        if !self.keys.prefix.is_empty() {
            write!(f, ",prefix={}", self.keys.prefix)?;
        }
        match self.keys.distribution {
            Distribution::Uniform => {}
            Distribution::Zipf { exponent_milli } => write!(f, ",zipf={exponent_milli}")?,
            Distribution::HotSlot { slot, percent } => write!(f, ",hot-slot={slot}:{percent}")?,
            Distribution::Sequential => f.write_str(",sequential")?,
        }
        match self.values {
            values if values == default.values => {}
            Sizes::Fixed { bytes } => write!(f, ",value={bytes}")?,
            Sizes::Uniform { min, max } => write!(f, ",value={min}-{max}")?,
            Sizes::LongTail { min, max } => write!(f, ",tail={min}-{max}")?,
        }
        number(f, "reads", self.read_percent.into(), default.read_percent.into())?;
        if self.mix != default.mix {
            let weights = self.mix.weights();
            let named = KINDS.iter().zip(weights).filter(|(_, weight)| *weight > 0);
            let named: Vec<String> = named.map(|(kind, weight)| format!("{kind}:{weight}")).collect();
            write!(f, ",mix={}", named.join("+"))?;
        }
        if let Some(wait) = self.wait {
            write!(f, ",wait={}:{}ms", wait.replicas, wait.timeout_ms)?;
        }
        if self.read_from_replicas {
            f.write_str(",replica-reads")?;
        }
        number(f, "subscribers", self.subscribers.into(), default.subscribers.into())?;
        number(f, "channels", self.channels.into(), default.channels.into())?;
        if self.shard_channels {
            f.write_str(",shard-channels")?;
        }
        number(f, "timeout-ms", self.timeout_ms.into(), default.timeout_ms.into())?;
        number(f, "retries", self.retries_max.into(), default.retries_max.into())?;
        number(f, "backoff-ms", self.backoff_ms.into(), default.backoff_ms.into())
    }
}

/// A number, with a unit behind it that may be left out.
fn number<T: FromStr>(text: &str, unit: &str) -> Result<T, String> {
    let digits = text.strip_suffix(unit).unwrap_or(text);
    digits.parse().map_err(|_| format!("`{text}` is no number that fits here"))
}

fn pair<T: FromStr, U: FromStr>(text: &str, between: char, unit: &str) -> Result<(T, U), String> {
    let (a, b) = text
        .split_once(between)
        .ok_or_else(|| format!("`{text}` is not two numbers with {between} between"))?;
    Ok((number(a, "")?, number(b, unit)?))
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Workload, String> {
        let mut workload = Workload::default();
        for option in text.split(',') {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "clients" => workload.clients = number(value, "")?,
                "seeds" => workload.seeds = value.split('+').map(str::to_string).collect(),
                "rate" => workload.pace = Pace::Open { per_second: number(value, "")? },
                "think" => workload.pace = Pace::Closed { think_us: number(value, "us")? },
                "pipeline" => workload.pipeline = number(value, "")?,
                "operations" => workload.operations_max = number(value, "")?,
                "keys" => workload.keys.count = number(value, "")?,
                "prefix" => workload.keys.prefix = value.to_string(),
                "zipf" => {
                    workload.keys.distribution = Distribution::Zipf { exponent_milli: number(value, "")? };
                }
                "hot-slot" => {
                    let (slot, percent) = pair(value, ':', "")?;
                    workload.keys.distribution = Distribution::HotSlot { slot, percent };
                }
                "sequential" if value.is_empty() => {
                    workload.keys.distribution = Distribution::Sequential;
                }
                "value" if value.contains('-') => {
                    let (min, max) = pair(value, '-', "")?;
                    workload.values = Sizes::Uniform { min, max };
                }
                "value" => workload.values = Sizes::Fixed { bytes: number(value, "")? },
                "tail" => {
                    let (min, max) = pair(value, '-', "")?;
                    workload.values = Sizes::LongTail { min, max };
                }
                "reads" => workload.read_percent = number(value, "")?,
                "mix" => workload.mix = mix(value)?,
                "wait" => {
                    let (replicas, timeout_ms) = pair(value, ':', "ms")?;
                    workload.wait = Some(Wait { replicas, timeout_ms });
                }
                "replica-reads" if value.is_empty() => workload.read_from_replicas = true,
                "subscribers" => workload.subscribers = number(value, "")?,
                "channels" => workload.channels = number(value, "")?,
                "shard-channels" if value.is_empty() => workload.shard_channels = true,
                "timeout-ms" => workload.timeout_ms = number(value, "")?,
                "retries" => workload.retries_max = number(value, "")?,
                "backoff-ms" => workload.backoff_ms = number(value, "")?,
                _ => return Err(format!("a workload has no option `{option}`")),
            }
        }
        Ok(workload)
    }
}

fn mix(text: &str) -> Result<Mix, String> {
    let mut weights = [0; 9];
    for part in text.split('+').filter(|part| !part.is_empty()) {
        let (kind, weight) = part.split_once(':').unwrap_or((part, "1"));
        let at = KINDS.iter().position(|known| *known == kind);
        weights[at.ok_or_else(|| format!("there are no operations `{kind}`"))?] = number(weight, "")?;
    }
    let [strings, counters, lists, hashes, sets, multi_keys, transactions, publish, shard_publish] = weights;
    Ok(Mix { strings, counters, lists, hashes, sets, multi_keys, transactions, publish, shard_publish })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::workload::Keys;

    #[test]
    fn the_word_is_read_back() {
        let full = Workload {
            clients: 7,
            seeds: vec!["A1".into(), "B1".into()],
            pace: Pace::Closed { think_us: 50 },
            pipeline: 3,
            operations_max: 9,
            keys: Keys {
                count: 5,
                prefix: "p:".into(),
                distribution: Distribution::HotSlot { slot: 7, percent: 90 },
            },
            values: Sizes::LongTail { min: 1, max: 99 },
            read_percent: 1,
            mix: Mix { strings: 0, lists: 2, publish: 1, ..Mix::default() },
            wait: Some(Wait { replicas: 1, timeout_ms: 20 }),
            read_from_replicas: true,
            subscribers: 4,
            channels: 5,
            shard_channels: true,
            timeout_ms: 6,
            retries_max: 7,
            backoff_ms: 8,
        };
        let word = full.to_string();
        assert_eq!(word.parse(), Ok(full), "{word}");
        assert_eq!(Workload::default().to_string(), "clients=10");
        for word in ["clients=10,rate=5", "clients=10,zipf=990,value=3-9", "clients=10,sequential,value=8"] {
            assert_eq!(word.parse::<Workload>().unwrap().to_string(), word);
        }
        for wrong in ["", "clients", "clients=x", "mix=cats:1", "tail=5", "sequential=1", "clients=10,,"] {
            assert!(wrong.parse::<Workload>().is_err(), "{wrong}");
        }
    }
}
