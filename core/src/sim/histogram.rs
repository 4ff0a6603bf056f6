//! Latencies by the thousand: counts in buckets that grow with the value, as HdrHistogram has them.
//!
//! Values below 64 have a bucket each; above, every power of two has 32, so a value is known to 3 % and a whole histogram takes less
//! than 5 KiB however many values it has seen.

use serde::Serialize;

/// Buckets in each power of two.
const STEPS: u64 = 32;
/// Values are cut to this: twelve days in microseconds.
const VALUE_MAX: u64 = (1 << 40) - 1;

/// Counts of values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    count: u64,
    sum: u64,
    max: u64,
}

/// What is to be known of many latencies, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// How many there are.
    pub count: u64,
    /// Their mean.
    pub mean_us: u64,
    /// Half of them are no greater.
    pub p50_us: u64,
    /// 99 of 100 are no greater.
    pub p99_us: u64,
    /// 999 of 1,000 are no greater.
    pub p999_us: u64,
    /// The greatest.
    pub max_us: u64,
}

fn bucket(value: u64) -> usize {
    if value < 2 * STEPS {
        return value as usize;
    }
    let shift = 58 - u64::from(value.leading_zeros());
    (shift * STEPS + (value >> shift)) as usize
}

/// The greatest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS + 1) << shift) - 1
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        let value = value.min(VALUE_MAX);
        let at = bucket(value);
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.max = self.max.max(value);
    }

    /// Adds all that another has counted.
    pub fn add(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Histogram { counts: std::mem::take(&mut self.counts), ..Histogram::default() };
        self.counts.clear();
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// No more than so many bars for a drawing, from the least value to the greatest: the greatest value that belongs to each, and how many
    /// do. From 64 on they are about equally wide on a logarithmic scale.
    pub fn bars(&self, count_max: usize) -> Vec<(u64, u64)> {
        let first = self.counts.iter().position(|count| *count > 0).unwrap_or(self.counts.len());
        let all = &self.counts[first..];
        let each = all.len().div_ceil(count_max.max(1)).max(1);
        let bars = all.chunks(each).zip(1..);
        bars.map(|(some, n)| (upper(first + n * each - 1), some.iter().map(|&count| u64::from(count)).sum()))
            .collect()
    }

    /// The value that so many of 1,000 values do not exceed; 0 without values.
    pub fn quantile(&self, of_thousand: u64) -> u64 {
        let wanted = (self.count * of_thousand).div_ceil(1000).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return upper(at).min(self.max);
            }
        }
        self.max
    }

    /// The figures that people look at.
    pub fn latency(&self) -> Latency {
        Latency {
            count: self.count,
            mean_us: self.sum.checked_div(self.count).unwrap_or(0),
            p50_us: self.quantile(500),
            p99_us: self.quantile(990),
            p999_us: self.quantile(999),
            max_us: self.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_that_is_close_to_it() {
        let mut last = 0;
        for value in (0..5000).chain((12..40).flat_map(|e| [(1u64 << e) - 1, 1 << e, (1 << e) + 12345])) {
            let at = bucket(value);
            assert!(upper(at) >= value && upper(at) - value <= value / 32, "{value}: {}", upper(at));
            assert!(at == 0 || upper(at - 1) < value, "{value}");
            last = last.max(at);
        }
        assert!(last < 1200);
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut one = Histogram::default();
        let mut other = Histogram::default();
        for value in 1..=10_000 {
            if value % 3 == 0 { one.record(value) } else { other.record(value) }
        }
        one.add(&other);
        let latency = one.latency();
        assert_eq!((latency.count, latency.mean_us, latency.max_us), (10_000, 5000, 10_000));
        for (found, exact) in [(latency.p50_us, 5000), (latency.p99_us, 9900), (latency.p999_us, 9990)] {
            assert!(found >= exact && found <= exact + exact / 32, "{found} for {exact}");
        }
        let bars = one.bars(20);
        assert!((10..=20).contains(&bars.len()), "{bars:?}");
        assert_eq!(bars.iter().map(|bar| bar.1).sum::<u64>(), 10_000);
        let (mut from, mut seen) = (0, 0);
        for (to, count) in bars {
            assert!(to > from, "{to} after {from}");
            (from, seen) = (to, seen + count);
            assert_eq!(seen, to.min(10_000), "all up to {to}");
        }
        one.clear();
        assert_eq!(one.bars(20), []);
        assert_eq!(one.latency(), Latency::default());
    }
}
