//! What the slot map reads and draws: slots as text, as areas of a square, and as outlines.

use crate::look::range;
use crate::model::SLOTS;

/// Slots in a row of the map, and rows.
pub const SIDE: u16 = 128;

/// The slots that a text says: for each slot whether it is one of them.
///
/// # Errors
/// What of it is no range, in a sentence.
pub fn chosen(text: &str) -> Result<Vec<bool>, String> {
    let mut set = vec![false; usize::from(SLOTS)];
    for piece in text.split([',', ';']).map(str::trim).filter(|p| !p.is_empty()) {
        let slots = range(piece).ok_or_else(|| {
            format!("`{piece}` is no range of slots. Slots are 0 to {}: write 0-99, 200.", SLOTS - 1)
        })?;
        put(&mut set, slots, true);
    }
    Ok(set)
}

/// Takes a range of slots into a set of them, or out of it.
pub fn put(set: &mut [bool], (a, b): (u16, u16), on: bool) {
    if let Some(part) = set.get_mut(usize::from(a)..=usize::from(b)) {
        part.fill(on);
    }
}

/// How many slots a set has.
pub fn count(set: &[bool]) -> usize {
    set.iter().filter(|&&on| on).count()
}

/// A set of slots as ranges, in order.
pub fn ranges(set: &[bool]) -> Vec<(u16, u16)> {
    let mut out: Vec<(u16, u16)> = Vec::new();
    for (slot, _) in (0..).zip(set).filter(|(_, on)| **on) {
        match out.last_mut() {
            Some(last) if last.1 + 1 == slot => last.1 = slot,
            _ => out.push((slot, slot)),
        }
    }
    out
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

/// The line around a set of slots: none between two rows that touch.
pub fn outline(set: &[bool]) -> String {
    let side = usize::from(SIDE);
    let on = |x: usize, y: usize| x < side && y < side && set.get(y * side + x).is_some_and(|on| *on);
    let mut path = String::new();
    for line in 0..=side {
        for across in [true, false] {
            let edge = |at: usize| match across {
                true => on(at, line) != on(at, line.wrapping_sub(1)),
                false => on(line, at) != on(line.wrapping_sub(1), at),
            };
            let mut from = 0;
            while from < side {
                let mut to = from;
                while to < side && edge(to) {
                    to += 1;
                }
                if to > from {
                    let (x, y, letter) = if across { (from, line, 'h') } else { (line, from, 'v') };
                    path.push_str(&format!("M{x} {y}{letter}{}", to - from));
                }
                from = to + 1;
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
        let read = |text: &str| chosen(text).map(|set| ranges(&set));
        assert_eq!(read("200, 0-99; 50-120 ,"), Ok(vec![(0, 120), (200, 200)]));
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("16383-0"), Ok(vec![(0, 16383)]));
        for (text, wrong) in [
            ("abc", "abc"),
            ("0-10,abc", "abc"),
            ("0-20000", "0-20000"),
            ("1 2 3", "1 2 3"),
            ("99999", "99999"),
        ] {
            let why = chosen(text).unwrap_err();
            assert!(why.starts_with(&format!("`{wrong}` is no range of slots.")), "{why}");
        }
    }

    #[test]
    fn slots_that_the_target_has_are_not_moved() {
        let mut set = chosen("0-99, 200-300").unwrap();
        put(&mut set, (50, 250), false);
        assert_eq!((ranges(&set), count(&set)), (vec![(0, 49), (251, 300)], 100));
        put(&mut set, (0, 16383), false);
        assert_eq!((ranges(&set), count(&set)), (vec![], 0));
    }

    #[test]
    fn a_rectangle_has_one_outline() {
        let set = chosen(&between(40 * SIDE + 10, 60 * SIDE + 30)).unwrap();
        assert_eq!((ranges(&set).len(), count(&set)), (21, 21 * 21));
        let path = outline(&set);
        let mut sides: Vec<&str> = path.split('M').skip(1).collect();
        sides.sort_unstable();
        assert_eq!(sides, ["10 40h21", "10 40v21", "10 61h21", "31 40v21"]);
        // All slots: the border of the map.
        assert_eq!(outline(&chosen("0-16383").unwrap()).matches('M').count(), 4);
    }
}
