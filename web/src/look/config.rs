//! The configuration of a node: what is in force, what would be without a redis.conf, and the file itself.

use super::Sheet;
use vitrine_core::config::table::flags;
use vitrine_core::config::{Config, directives, get};
use vitrine_core::sim::setup::CONF_PATH;
use vitrine_core::sim::world::World;

/// See [`super::What::Config`]. The rows are name, value, default, `fixed` if CONFIG SET cannot change it, and what it is for; what
/// differs from its default comes first. The title of the second sheet is the text of the file.
pub fn sheets(world: &World, node: &str) -> Result<Vec<Sheet>, String> {
    let file = world.read_file(node, CONF_PATH).ok_or_else(|| format!("There is no node {node}."))?;
    let mut live = Sheet::new("", &["Directive", "Value", "Default", "", "About"]);
    if let Some(node) = world.node(node) {
        let usual = Config::default();
        let show = |config: &Config, name: &str| {
            let found = get(config, &[name.as_bytes()]).into_iter().next();
            found.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(&value).into_owned())
        };
        for d in directives().filter(|d| !d.has(flags::HIDDEN)) {
            let fixed = if d.has(flags::IMMUTABLE) { "fixed" } else { "" };
            let (value, usual) = (show(node.config(), d.name), show(&usual, d.name));
            live.rows.push(vec![
                d.name.to_owned(),
                value,
                usual,
                fixed.to_owned(),
                d.about.trim().to_owned(),
            ]);
        }
        live.rows.sort_by(|a, b| (a[1] == a[2], &a[0]).cmp(&(b[1] == b[2], &b[0])));
    }
    let text = Sheet::new(&String::from_utf8_lossy(&file), &[]);
    Ok(vec![live, text])
}
