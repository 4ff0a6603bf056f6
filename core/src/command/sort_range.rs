//! Sorting only what LIMIT lets through.
//!
//! SORT with BY and LIMIT sorts by Bentley and McIlroy's quicksort ("Engineering a Sort Function", 1993) and leaves those
//! parts unsorted that no wanted place lies in (pqsort.c 7.0.15). That sort is not stable: which elements of equal weight are
//! put out depends on every exchange it makes, so ours makes the same ones.

use std::cmp::Ordering;
use std::ops::Range;

/// Shorter parts are sorted by insertion.
const INSERTION_LEN: usize = 7;
/// In longer parts the pivot is a median of nine.
const NINTHER_LEN: usize = 40;

/// Sorts so far that the places of `wanted`, which is not empty, hold what they would hold if all were sorted.
pub(super) fn sort_range<T>(items: &mut [T], wanted: Range<usize>, compare: impl Fn(&T, &T) -> Ordering) {
    let all = 0..items.len();
    let mut parts = vec![all];
    while let Some(part) = parts.pop() {
        let base = part.start;
        let (less, greater) = divide(&mut items[part.clone()], &compare);
        for rest in [base..base + less, part.end - greater..part.end] {
            if rest.len() > 1 && rest.start < wanted.end && wanted.start < rest.end {
                parts.push(rest);
            }
        }
    }
}

/// Divides a part by a pivot; how many elements at its beginning are less, and how many at its end are greater. A short part
/// is sorted: nothing remains to be done.
fn divide<T>(part: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let len = part.len();
    if len < INSERTION_LEN {
        for end in 1..len {
            let mut at = end;
            while at > 0 && compare(&part[at - 1], &part[at]).is_gt() {
                part.swap(at - 1, at);
                at -= 1;
            }
        }
        return (0, 0);
    }
    let pivot = pivot(part, compare);
    part.swap(0, pivot);
    // From the left: elements equal to the pivot, lesser ones, what has not been looked at, greater ones, equal ones again.
    let (mut equal_left, mut left) = (1, 1);
    let (mut equal_right, mut right) = (len - 1, len - 1);
    loop {
        while left <= right {
            match compare(&part[left], &part[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    part.swap(equal_left, left);
                    equal_left += 1;
                }
                Ordering::Less => {}
            }
            left += 1;
        }
        while left <= right {
            match compare(&part[right], &part[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    part.swap(equal_right, right);
                    equal_right -= 1;
                }
                Ordering::Greater => {}
            }
            right -= 1;
        }
        if left > right {
            break;
        }
        part.swap(left, right);
        left += 1;
        right -= 1;
    }
    let (less, greater) = (left - equal_left, equal_right - right);
    exchange(part, 0, left, equal_left.min(less));
    exchange(part, left, len, greater.min(len - 1 - equal_right));
    (less, greater)
}

/// Exchanges the `count` elements from `first` on with the `count` ones before `end`.
fn exchange<T>(part: &mut [T], first: usize, end: usize, count: usize) {
    for offset in 0..count {
        part.swap(first + offset, end - count + offset);
    }
}

fn pivot<T>(part: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let median = |a: usize, b: usize, c: usize| {
        let is = |x: usize, y: usize, order: Ordering| compare(&part[x], &part[y]) == order;
        if is(a, b, Ordering::Less) {
            if is(b, c, Ordering::Less) {
                b
            } else if is(a, c, Ordering::Less) {
                c
            } else {
                a
            }
        } else if is(b, c, Ordering::Greater) {
            b
        } else if is(a, c, Ordering::Less) {
            a
        } else {
            c
        }
    };
    let len = part.len();
    let (mut first, mut middle, mut last) = (0, len / 2, len - 1);
    if len == INSERTION_LEN {
        return middle;
    }
    if len > NINTHER_LEN {
        let step = len / 8;
        first = median(first, first + step, first + 2 * step);
        middle = median(middle - step, middle, middle + step);
        last = median(last - 2 * step, last - step, last);
    }
    median(first, middle, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn wanted_places_hold_what_belongs_there() {
        let mut rng = Rng::new(7);
        for len in (1..60).chain([200, 1000]) {
            for spread in [1, 3, 1000] {
                let items: Vec<u64> = (0..len).map(|_| rng.below(spread)).collect();
                let mut sorted = items.clone();
                sorted.sort_unstable();
                let start = rng.below(len) as usize;
                let end = start + 1 + rng.below(len - start as u64) as usize;
                let mut partly = items.clone();
                sort_range(&mut partly, start..end, u64::cmp);
                assert_eq!(partly[start..end], sorted[start..end], "{items:?} {start}..{end}");
                partly.sort_unstable();
                assert_eq!(partly, sorted, "nothing is lost");
            }
        }
    }
}
