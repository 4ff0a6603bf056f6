//! Small words that several panels need.

/// `A1`, `A1 and A2`, `A1, A2 and A3`; from five names on the first three and how many more.
pub fn spell(names: &[String]) -> String {
    match names {
        [] => "no node".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] if names.len() < 5 => format!("{} and {last}", rest.join(", ")),
        [a, b, c, rest @ ..] => format!("{a}, {b}, {c} and {} more", rest.len()),
        _ => names.join(", "),
    }
}
