//! What commands would reply on a node, without running them there.

use crate::protocol::Reply;
use vitrine_core::sim::timeline::Timeline;

/// The replies of these commands on a copy of the node.
pub fn replies(
    time: &Timeline,
    node: &str,
    lines: &[Vec<serde_bytes::ByteBuf>],
) -> Result<Vec<Reply>, String> {
    let values = time.world().peek(node, lines)?;
    Ok(values.into_iter().map(crate::scripts::reply).collect())
}
