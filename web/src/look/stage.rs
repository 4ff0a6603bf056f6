//! What the stage draws beside the cluster itself: where the keys are, slots on their way, and the clients of the workloads.

use super::{Sheet, slots};
use crate::clients;
use crate::model::DENSITY_PARTS;
use vitrine_core::sim::world::World;

/// See [`super::Look::Stage`].
pub fn around(world: &World) -> Sheet {
    let views = slots::views(world);
    let keys = slots::density(&views, DENSITY_PARTS);
    let most = keys.iter().copied().max().unwrap_or(0);
    let mut sheet = Sheet::new(&most.to_string(), &[]);
    sheet.note = keys.iter().map(|&n| char::from(b'a' + (n * 25).div_ceil(most.max(1)) as u8)).collect();
    sheet.rows = slots::ways(world, &views);
    let groups = world.groups();
    let node = |name: &&String| world.setup().nodes.iter().any(|node| node.name == **name);
    for traffic in world.traffic() {
        let group = groups.iter().find(|group| group.contains(&traffic.name));
        let with = group.and_then(|group| group.iter().find(node));
        sheet.rows.push(clients::row(&traffic, with.map(String::as_str)));
    }
    sheet
}
