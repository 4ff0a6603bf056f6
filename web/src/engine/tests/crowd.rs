//! A world of more nodes than are looked at one by one.

use super::*;

/// 31 masters with a replica each.
fn crowd() -> Engine {
    let world = World::new(Setup::cluster(3, 31, 1, 2000)).expect("a world");
    let mut engine = Engine::with(world, 3, false);
    engine.begin.formed = true;
    while engine.starting() && engine.now_us() < READY_PATIENCE_US {
        engine.advance(&|| 0.0, 1.0);
    }
    let cluster = engine.state().cluster;
    assert!(cluster.ok && cluster.slots_ok == SLOTS && cluster.nodes.len() == 62);
    engine
}

fn line(engine: &mut Engine, line: &str) {
    engine.handle(ToWorker::Line { id: 9, line: line.into() });
}

#[test]
fn a_crowd_is_seen_as_its_nodes_see_each_other() {
    let mut engine = crowd();
    line(&mut engine, "crash B1");
    let mut seen = [false; 2];
    run_until(&mut engine, "some suspect B1, then all know that it failed", |engine| {
        let cluster = engine.state().cluster;
        let b1 = cluster.nodes.iter().position(|n| n.name == "B1").expect("B1");
        let world = engine.world();
        for (o, observer) in cluster.nodes.iter().enumerate() {
            let view = world.node(&observer.name).and_then(|n| n.cluster_view());
            assert_eq!(cluster.beliefs.get(o, o), view.as_ref().map(|_| Belief::Own));
            for n in view.iter().flat_map(|view| &view.nodes).filter(|n| !n.myself) {
                let s = cluster.nodes.iter().position(|m| m.id == n.name).expect("a node of this world");
                let opinion = match n.opinion {
                    vitrine_core::event::Opinion::Ok => Belief::Ok,
                    vitrine_core::event::Opinion::Suspected => Belief::Pfail,
                    vitrine_core::event::Opinion::Failed => Belief::Fail,
                };
                assert_eq!(cluster.beliefs.get(o, s), Some(opinion), "{} of {}", observer.name, n.name);
            }
        }
        seen[0] |= cluster.beliefs.of(b1).any(|(_, belief)| belief == Belief::Pfail);
        seen[1] = cluster.beliefs.of(b1).all(|(_, belief)| belief == Belief::Fail);
        seen[1]
    });
    assert_eq!(seen, [true; 2]);
    run_until(&mut engine, "B2 owns the slots of B1", |engine| {
        let cluster = engine.state().cluster;
        let b2 = cluster.nodes.iter().position(|n| n.name == "B2");
        cluster.claims.iter().any(|k| k.accepted && Some(usize::from(k.node)) == b2)
    });
}

#[test]
fn a_crowd_is_looked_at_now_and_then_and_at_once_while_time_is_held() {
    let mut engine = crowd();
    let sees = |engine: &mut Engine| engine.frame().and_then(|frame| frame.cluster).is_some();
    assert!(sees(&mut engine));
    engine.handle(ToWorker::Playing { id: 0, playing: true });
    line(&mut engine, "crash B1");
    engine.advance(&|| 100.0, 1.0);
    assert!(!sees(&mut engine), "it was looked at 100 ms ago");
    engine.advance(&|| 400.0, 1.0);
    assert!(sees(&mut engine));
    engine.handle(ToWorker::Playing { id: 0, playing: false });
    engine.advance(&|| 410.0, 1.0);
    sees(&mut engine);
    assert!(!sees(&mut engine), "nothing happened");
    line(&mut engine, "crash C1");
    assert!(sees(&mut engine));
}
