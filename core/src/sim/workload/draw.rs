//! Chance: which operation, key and value comes next. All of it from the workload's own generator, so that what the clients want does
//! not depend on what the network does.

use super::{Distribution, Keys, Sizes, Workload};
use crate::rng::Rng;
use crate::store::slot::key_slot;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The shape of long-tailed sizes.
const TAIL_SHAPE: f64 = 1.2;
/// How many fields a hash has.
const FIELDS: u64 = 16;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// SET
    Set,
    /// GET of a string
    Get,
    /// INCR
    Incr,
    /// GET of a counter
    GetCounter,
    /// LPUSH
    Push,
    /// RPOP
    Pop,
    /// LLEN
    Len,
    /// HSET
    Hset,
    /// HGET
    Hget,
    /// SADD
    Sadd,
    /// SPOP
    Spop,
    /// SCARD
    Scard,
    /// MSET of two keys
    Mset,
    /// MGET of two keys
    Mget,
    /// Two SETs between MULTI and EXEC
    SetBoth,
    /// Two GETs between MULTI and EXEC
    GetBoth,
    /// PUBLISH
    Publish,
    /// SPUBLISH
    ShardPublish,
}

impl Op {
    /// The command that it is, or the ones between MULTI and EXEC.
    pub fn command(self) -> &'static str {
        match self {
            Op::Set | Op::SetBoth => "SET",
            Op::Get | Op::GetCounter | Op::GetBoth => "GET",
            Op::Incr => "INCR",
            Op::Push => "LPUSH",
            Op::Pop => "RPOP",
            Op::Len => "LLEN",
            Op::Hset => "HSET",
            Op::Hget => "HGET",
            Op::Sadd => "SADD",
            Op::Spop => "SPOP",
            Op::Scard => "SCARD",
            Op::Mset => "MSET",
            Op::Mget => "MGET",
            Op::Publish => "PUBLISH",
            Op::ShardPublish => "SPUBLISH",
        }
    }

    /// Whether it may change anything, so that it must not be sent twice.
    pub fn writes(self) -> bool {
        !matches!(self, Op::Get | Op::GetCounter | Op::Len | Op::Hget | Op::Scard | Op::Mget | Op::GetBoth)
    }

    /// Whether it changes keys, so that a WAIT behind it makes sense.
    pub fn writes_keys(self) -> bool {
        self.writes() && !matches!(self, Op::Publish | Op::ShardPublish)
    }
}

/// An even number in `0..1`.
fn unit(rng: &mut Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// The time to the next of events that come at random with a rate, in microseconds.
pub(crate) fn interval_us(rng: &mut Rng, per_second: u32) -> f64 {
    -libm::log(1.0 - unit(rng)) * 1e6 / f64::from(per_second.max(1))
}

/// Numbers from 1 to n, k as often as 1 / k^s: rejection-inversion after Hörmann and Derflinger (1996), which needs no table.
#[derive(Clone, Debug)]
struct Zipf {
    n: f64,
    s: f64,
    low: f64,
    high: f64,
    shift: f64,
}

impl Zipf {
    fn new(n: u64, exponent_milli: u32) -> Zipf {
        let mut zipf =
            Zipf { n: n as f64, s: f64::from(exponent_milli) / 1000.0, low: 0.0, high: 0.0, shift: 0.0 };
        zipf.low = zipf.integral(1.5) - 1.0;
        zipf.high = zipf.integral(zipf.n + 0.5);
        zipf.shift = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.density(2.0));
        zipf
    }

    fn density(&self, x: f64) -> f64 {
        libm::exp(-self.s * libm::log(x))
    }

    /// The integral of the density.
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let t = (1.0 - self.s) * log;
        let ratio = if t.abs() > 1e-8 { libm::expm1(t) / t } else { 1.0 + t / 2.0 };
        ratio * log
    }

    fn inverse(&self, x: f64) -> f64 {
        let t = (x * (1.0 - self.s)).max(-1.0);
        let ratio = if t.abs() > 1e-8 { libm::log1p(t) / t } else { 1.0 - t / 2.0 };
        libm::exp(ratio * x)
    }

    fn draw(&self, rng: &mut Rng) -> u64 {
        loop {
            let u = self.high + unit(rng) * (self.low - self.high);
            let x = self.inverse(u);
            let k = libm::floor(x + 0.5).clamp(1.0, self.n);
            if k - x <= self.shift || u >= self.integral(k + 0.5) - self.density(k) {
                return k as u64;
            }
        }
    }
}

/// What a workload draws from.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    keys: Keys,
    zipf: Option<Zipf>,
    /// A hash tag of the hot slot.
    hot_tag: String,
    next_key: u64,
    weights: [u32; 9],
    weight_sum: u64,
    read_percent: u8,
    sizes: Sizes,
    channels: u32,
}

/// The key of an operation, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyNumber {
    pub number: u64,
    pub hot: bool,
}

impl Dice {
    pub fn new(workload: &Workload) -> Dice {
        let weights = workload.mix.weights();
        let hot_tag = match workload.keys.distribution {
            Distribution::HotSlot { slot, .. } => {
                let mut tags = (0..1_000_000u32).map(|n| format!("{n}"));
                tags.find(|tag| key_slot(tag.as_bytes()) == slot).unwrap_or_default()
            }
            _ => String::new(),
        };
        Dice {
            zipf: match workload.keys.distribution {
                Distribution::Zipf { exponent_milli } => Some(Zipf::new(workload.keys.count, exponent_milli)),
                _ => None,
            },
            keys: workload.keys.clone(),
            hot_tag,
            next_key: 0,
            weight_sum: weights.iter().map(|&w| u64::from(w)).sum(),
            weights,
            read_percent: workload.read_percent,
            sizes: workload.values,
            channels: workload.channels,
        }
    }

    pub fn op(&self, rng: &mut Rng) -> Op {
        let mut at = rng.below(self.weight_sum);
        let class = self.weights.iter().position(|&weight| {
            let here = at < u64::from(weight);
            at = at.wrapping_sub(u64::from(weight));
            here
        });
        let read = rng.below(100) < u64::from(self.read_percent);
        let second = matches!(class, Some(2 | 4)) && !read && rng.below(2) == 1;
        match (class.unwrap_or(0), read, second) {
            (0, false, _) => Op::Set,
            (0, true, _) => Op::Get,
            (1, false, _) => Op::Incr,
            (1, true, _) => Op::GetCounter,
            (2, true, _) => Op::Len,
            (2, _, false) => Op::Push,
            (2, _, true) => Op::Pop,
            (3, false, _) => Op::Hset,
            (3, true, _) => Op::Hget,
            (4, true, _) => Op::Scard,
            (4, _, false) => Op::Sadd,
            (4, _, true) => Op::Spop,
            (5, false, _) => Op::Mset,
            (5, true, _) => Op::Mget,
            (6, false, _) => Op::SetBoth,
            (6, true, _) => Op::GetBoth,
            (7, ..) => Op::Publish,
            _ => Op::ShardPublish,
        }
    }

    pub fn key(&mut self, rng: &mut Rng) -> KeyNumber {
        let count = self.keys.count;
        match self.keys.distribution {
            Distribution::Uniform => KeyNumber { number: rng.below(count), hot: false },
            Distribution::Zipf { .. } => {
                let drawn = self.zipf.as_ref().map_or(0, |zipf| zipf.draw(rng) - 1);
                KeyNumber { number: drawn, hot: false }
            }
            Distribution::HotSlot { percent, .. } => {
                let hot = rng.below(100) < u64::from(percent);
                KeyNumber { number: rng.below(count), hot }
            }
            Distribution::Sequential => {
                let number = self.next_key;
                self.next_key = (number + 1) % count;
                KeyNumber { number, hot: false }
            }
        }
    }

    pub fn size(&self, rng: &mut Rng) -> u32 {
        match self.sizes {
            Sizes::Fixed { bytes } => bytes,
            Sizes::Uniform { min, max } => min + rng.below(u64::from(max - min) + 1) as u32,
            Sizes::LongTail { min, max } => {
                let drawn = f64::from(min.max(1)) * libm::pow(1.0 - unit(rng), -1.0 / TAIL_SHAPE);
                drawn.clamp(f64::from(min), f64::from(max)) as u32
            }
        }
    }

    pub fn channel(&self, number: u64) -> String {
        format!("{}channel:{}", self.keys.prefix, number % u64::from(self.channels.max(1)))
    }

    /// The field of a hash.
    pub fn field(&self, rng: &mut Rng) -> u8 {
        rng.below(FIELDS) as u8
    }

    /// Writes the key of an operation, or its `second` one.
    pub fn write_key(&self, op: Op, key: KeyNumber, second: bool, out: &mut String) {
        if matches!(op, Op::Publish | Op::ShardPublish) {
            out.push_str(&self.channel(key.number));
            return;
        }
        let class = match op {
            Op::Incr | Op::GetCounter => 'c',
            Op::Push | Op::Pop | Op::Len => 'l',
            Op::Hset | Op::Hget => 'h',
            Op::Sadd | Op::Spop | Op::Scard => 't',
            Op::Mset | Op::Mget | Op::SetBoth | Op::GetBoth => 'm',
            _ => 's',
        };
        let (prefix, number) = (&self.keys.prefix, key.number);
        let _ = match (key.hot, class == 'm') {
            (true, _) => write!(out, "{prefix}{class}:{{{}}}{number}", self.hot_tag),
            (false, true) => write!(out, "{prefix}{class}:{{{number}}}"),
            (false, false) => write!(out, "{prefix}{class}:{number}"),
        };
        if class == 'm' {
            out.push_str(if second { ":b" } else { ":a" });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_is_zipf() {
        for exponent_milli in [500, 990, 1000, 1300, 3000] {
            let (zipf, mut rng) = (Zipf::new(1000, exponent_milli), Rng::new(1));
            let mut seen = vec![0u32; 1001];
            let draws = 200_000;
            for _ in 0..draws {
                seen[zipf.draw(&mut rng) as usize] += 1;
            }
            let s = f64::from(exponent_milli) / 1000.0;
            let sum: f64 = (1..=1000).map(|k| libm::pow(f64::from(k), -s)).sum();
            for k in [1, 2, 5, 20] {
                let expected = f64::from(draws) * libm::pow(f64::from(k), -s) / sum;
                let found = f64::from(seen[k as usize]);
                assert!(
                    (found - expected).abs() < 5.0 * expected.sqrt() + 2.0,
                    "{s}, {k}: {found} for {expected}"
                );
            }
        }
    }

    #[test]
    fn hot_keys_are_in_the_hot_slot_and_pairs_in_one() {
        let keys =
            Keys { distribution: Distribution::HotSlot { slot: 12_345, percent: 100 }, ..Keys::default() };
        let mut dice = Dice::new(&Workload { keys, ..Workload::default() });
        let mut rng = Rng::new(1);
        for op in [Op::Set, Op::Mset, Op::Hset] {
            let (key, mut text) = (dice.key(&mut rng), String::new());
            dice.write_key(op, key, false, &mut text);
            assert_eq!(key_slot(text.as_bytes()), 12_345, "{text}");
        }
        let dice = Dice::new(&Workload::default());
        let (mut a, mut b) = (String::new(), String::new());
        dice.write_key(Op::SetBoth, KeyNumber { number: 7, hot: false }, false, &mut a);
        dice.write_key(Op::SetBoth, KeyNumber { number: 7, hot: false }, true, &mut b);
        assert_eq!((a.as_str(), b.as_str()), ("m:{7}:a", "m:{7}:b"));
        assert_eq!(key_slot(a.as_bytes()), key_slot(b.as_bytes()));
    }

    #[test]
    fn sizes_and_intervals_are_what_they_say() {
        let mut rng = Rng::new(3);
        let dice =
            Dice::new(&Workload { values: Sizes::LongTail { min: 10, max: 100_000 }, ..Workload::default() });
        let mut sizes: Vec<u32> = (0..10_000).map(|_| dice.size(&mut rng)).collect();
        sizes.sort_unstable();
        assert!(sizes[0] >= 10 && sizes[5000] < 25 && sizes[9990] > 1000 && sizes[9999] <= 100_000);
        let sum: f64 = (0..10_000).map(|_| interval_us(&mut rng, 1000)).sum();
        assert!((sum / 10_000.0 - 1000.0).abs() < 50.0);
    }
}
