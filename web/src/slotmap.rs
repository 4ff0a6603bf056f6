//! What the slot map reads and draws: ranges of slots as text, as rectangles of a square, and as outlines.

use crate::look::range;
use crate::model::SLOTS;

/// Slots in a row of the map, and rows.
pub const SIDE: u16 = 128;

/// The slots that a text says, in order and each once.
///
/// # Errors
/// What of it is no range, in a sentence.
pub fn ranges(text: &str) -> Result<Vec<(u16, u16)>, String> {
    let mut found = Vec::new();
    for piece in text.split([',', ';']).map(str::trim).filter(|p| !p.is_empty()) {
        let slots = range(piece).ok_or_else(|| {
            format!("`{piece}` is no range of slots. Slots are 0 to {}: write 0-99, 200.", SLOTS - 1)
        })?;
        found.push(slots);
    }
    found.sort_unstable();
    let mut out: Vec<(u16, u16)> = Vec::new();
    for (a, b) in found {
        match out.last_mut() {
            Some(last) if a <= last.1 => last.1 = last.1.max(b),
            _ => out.push((a, b)),
        }
    }
    Ok(out)
}

/// Those of the slots that are in none of the `others`.
pub fn without(ranges: &[(u16, u16)], others: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut out = ranges.to_vec();
    for &(from, to) in others {
        let cut = |(a, b): (u16, u16)| {
            let before = (a < from).then(|| (a, b.min(from.saturating_sub(1))));
            let behind = (b > to).then(|| (a.max(to + 1), b));
            before.into_iter().chain(behind)
        };
        out = out.into_iter().flat_map(cut).collect();
    }
    out
}

/// How many slots these are.
pub fn count(ranges: &[(u16, u16)]) -> usize {
    ranges.iter().map(|&(a, b)| usize::from(b - a) + 1).sum()
}

/// The slots of the rectangle between two of them, as text.
pub fn between(a: u16, b: u16) -> String {
    let (left, right) = ((a % SIDE).min(b % SIDE), (a % SIDE).max(b % SIDE));
    let rows = (a / SIDE).min(b / SIDE)..=(a / SIDE).max(b / SIDE);
    let mut out: Vec<(u16, u16)> = Vec::new();
    for row in rows {
        let (from, to) = (row * SIDE + left, row * SIDE + right);
        match out.last_mut() {
            Some(last) if last.1 + 1 == from => last.1 = to,
            _ => out.push((from, to)),
        }
    }
    let text = out.iter().map(|&(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    text.collect::<Vec<_>>().join(", ")
}

/// Ranges of slots as an area of rows: up to three rectangles each.
pub fn area(ranges: &[(u16, u16)]) -> String {
    let mut path = String::new();
    let mut rect = |x: u16, y: u16, w: u16, h: u16| path.push_str(&format!("M{x} {y}h{w}v{h}h-{w}z"));
    for &(a, b) in ranges {
        let ((x, y), (to_x, to_y)) = ((a % SIDE, a / SIDE), (b % SIDE, b / SIDE));
        if y == to_y {
            rect(x, y, to_x - x + 1, 1);
            continue;
        }
        let (mut top, mut bottom) = (y, to_y + 1);
        if x > 0 {
            rect(x, y, SIDE - x, 1);
            top += 1;
        }
        if to_x < SIDE - 1 {
            rect(0, to_y, to_x + 1, 1);
            bottom -= 1;
        }
        if bottom > top {
            rect(0, top, SIDE, bottom - top);
        }
    }
    path
}

/// The line around ranges of slots: none between two rows that touch.
pub fn outline(ranges: &[(u16, u16)]) -> String {
    let side = usize::from(SIDE);
    let mut on = vec![false; usize::from(SLOTS)];
    for &(a, b) in ranges {
        on[usize::from(a)..=usize::from(b)].fill(true);
    }
    let on = |x: usize, y: usize| x < side && y < side && on[y * side + x];
    let mut path = String::new();
    for line in 0..=side {
        for (across, letter) in [(true, 'h'), (false, 'v')] {
            let edge = |at: usize| {
                let (x, y) = if across { (at, line) } else { (line, at) };
                let before = if across { (x, y.wrapping_sub(1)) } else { (x.wrapping_sub(1), y) };
                on(x, y) != on(before.0, before.1)
            };
            let mut from = 0;
            while from < side {
                let len = (from..side).take_while(|&at| edge(at)).count();
                if len > 0 {
                    let (x, y) = if across { (from, line) } else { (line, from) };
                    path.push_str(&format!("M{x} {y}{letter}{len}"));
                }
                from += len + 1;
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_each_slot_once_or_what_is_wrong() {
        assert_eq!(ranges("200, 0-99; 50-120 ,"), Ok(vec![(0, 120), (200, 200)]));
        assert_eq!(ranges(""), Ok(vec![]));
        for (text, wrong) in [
            ("abc", "abc"),
            ("0-10,abc", "abc"),
            ("0-20000", "0-20000"),
            ("1 2 3", "1 2 3"),
            ("99999", "99999"),
        ] {
            let why = ranges(text).unwrap_err();
            assert!(why.starts_with(&format!("`{wrong}` is no range of slots.")), "{why}");
        }
    }

    #[test]
    fn slots_that_the_target_has_are_not_moved() {
        assert_eq!(without(&[(0, 99), (200, 300)], &[(50, 250)]), [(0, 49), (251, 300)]);
        assert_eq!(without(&[(0, 99)], &[(10, 19), (40, 40)]), [(0, 9), (20, 39), (41, 99)]);
        assert_eq!(without(&[(0, 99)], &[(0, 16383)]), []);
        assert_eq!(without(&[(7, 9)], &[(0, 6), (10, 16383)]), [(7, 9)]);
        assert_eq!(count(&[(0, 49), (251, 300)]), 100);
    }

    #[test]
    fn a_rectangle_has_one_outline() {
        let chosen = ranges(&between(40 * SIDE + 10, 60 * SIDE + 30)).unwrap();
        assert_eq!((chosen.len(), count(&chosen)), (21, 21 * 21));
        let path = outline(&chosen);
        let mut sides: Vec<&str> = path.split('M').skip(1).collect();
        sides.sort_unstable();
        assert_eq!(sides, ["10 40h21", "10 40v21", "10 61h21", "31 40v21"]);
        // All slots: the border of the map.
        assert_eq!(outline(&[(0, SLOTS - 1)]).matches('M').count(), 4);
    }
}
