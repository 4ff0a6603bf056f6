//! A slot moves between two masters of a simulated cluster, key by key, while clients ask for its keys: MIGRATING and
//! IMPORTING, ASK and ASKING, TRYAGAIN, MIGRATE and what it does to the node that sends. Runs natively and in a browser.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod sim_common;

use sim_common::*;
use vitrine_core::sim::{Action, Fault, Setup, Target, World};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

struct Shop {
    world: World,
    a: u32,
    b: u32,
    anywhere: u32,
    slot: String,
    ids: [String; 2],
}

/// Masters A1 and B1 of the six, terminals on both, and ten keys in one slot of A1.
fn shop() -> Shop {
    let mut world = World::new(Setup::six_nodes(11)).unwrap();
    world.run_for(30 * SECOND);
    let a = world.terminal(Target::Node("A1".into())).unwrap();
    let b = world.terminal(Target::Node("B1".into())).unwrap();
    let anywhere = world.terminal(Target::Cluster).unwrap();
    let tag = (0..).map(|i| format!("tag{i}")).find(|tag| {
        let slot = say_one(&mut world, a, &format!("CLUSTER KEYSLOT {tag}"));
        slot.trim_start_matches("(integer) ").parse::<u32>().unwrap() < 5000
    });
    let tag = tag.unwrap();
    let slot = say_one(&mut world, a, &format!("CLUSTER KEYSLOT {tag}"));
    let slot = slot.trim_start_matches("(integer) ").to_string();
    for i in 0..10 {
        assert_eq!(say_one(&mut world, a, &format!("SET k{i}:{{{tag}}} value-{i}")), "OK");
    }
    let id =
        |world: &mut World, terminal| say_one(world, terminal, "CLUSTER MYID").trim_matches('"').to_string();
    let ids = [id(&mut world, a), id(&mut world, b)];
    Shop { world, a, b, anywhere, slot: format!("{slot} {tag}"), ids }
}

impl Shop {
    fn slot(&self) -> &str {
        self.slot.split(' ').next().unwrap()
    }

    fn key(&self, i: usize) -> String {
        format!("k{i}:{{{}}}", self.slot.split(' ').nth(1).unwrap())
    }

    fn say(&mut self, terminal: u32, line: &str) -> String {
        say_one(&mut self.world, terminal, line)
    }

    fn open_both_ends(&mut self) {
        let (slot, [from, to]) = (self.slot().to_string(), self.ids.clone());
        assert_eq!(self.say(self.b, &format!("CLUSTER SETSLOT {slot} IMPORTING {from}")), "OK");
        assert_eq!(self.say(self.a, &format!("CLUSTER SETSLOT {slot} MIGRATING {to}")), "OK");
    }
}

#[test]
fn a_slot_moves_key_by_key() {
    let mut shop = shop();
    shop.open_both_ends();
    let (k0, k1, k9) = (shop.key(0), shop.key(1), shop.key(9));
    assert_eq!(shop.say(shop.a, &format!("MIGRATE 10.0.0.2 7002 {k0} 0 1000")), "OK");
    // The one that is gone is asked for over there; the others are still here; both at once are nowhere.
    assert_eq!(shop.say(shop.a, &format!("GET {k0}")), format!("(error) ASK {} 10.0.0.2:7002", shop.slot()));
    assert_eq!(shop.say(shop.a, &format!("GET {k1}")), "\"value-1\"");
    assert!(shop.say(shop.a, &format!("MGET {k0} {k1}")).starts_with("(error) TRYAGAIN"));
    // The new home answers only who says that it was sent.
    assert_eq!(
        shop.say(shop.b, &format!("GET {k0}")),
        format!("(error) MOVED {} 10.0.0.1:7001", shop.slot())
    );
    assert_eq!(shop.say(shop.b, "ASKING"), "OK");
    assert_eq!(shop.say(shop.b, &format!("GET {k0}")), "\"value-0\"");
    let followed = shop.say(shop.anywhere, &format!("GET {k0}"));
    assert!(followed.ends_with("\"value-0\""), "{followed}");

    let slot = shop.slot().to_string();
    let names: Vec<String> = (1..10).map(|i| shop.key(i)).collect();
    let line = format!("MIGRATE 10.0.0.2 7002 \"\" 0 1000 KEYS {}", names.join(" "));
    assert_eq!(shop.say(shop.a, &line), "OK");
    assert_eq!(shop.say(shop.a, &format!("CLUSTER COUNTKEYSINSLOT {slot}")), "(integer) 0");
    let to = shop.ids[1].clone();
    for terminal in [shop.b, shop.a] {
        assert_eq!(shop.say(terminal, &format!("CLUSTER SETSLOT {slot} NODE {to}")), "OK");
    }
    shop.world.run_for(5 * SECOND);
    assert_eq!(shop.say(shop.b, &format!("GET {k9}")), "\"value-9\"");
    // Replicas on both sides followed, and a loss of power brings nothing back.
    for (replica, count) in [("A2", "(integer) 0"), ("B2", "(integer) 10")] {
        let terminal = shop.world.terminal(Target::Node(replica.into())).unwrap();
        assert_eq!(shop.say(terminal, &format!("CLUSTER COUNTKEYSINSLOT {slot}")), count, "{replica}");
    }
    for node in ["A1", "A2"] {
        act(&mut shop.world, Fault::PowerLoss { node: node.into(), unsynced: Default::default() }.now());
        act(&mut shop.world, Action::Start { node: node.into() });
    }
    shop.world.run_for(20 * SECOND);
    let again = node_terminal(&mut shop.world);
    assert_eq!(shop.say(again, &format!("CLUSTER COUNTKEYSINSLOT {slot}")), "(integer) 0");
}

#[test]
fn the_sender_stands_still_until_the_target_answers_or_time_is_up() {
    let mut shop = shop();
    shop.open_both_ends();
    let k0 = shop.key(0);
    act(&mut shop.world, Fault::Pause { node: "B1".into() }.now());
    let other = shop.world.terminal(Target::Node("A1".into())).unwrap();
    let begun = shop.world.now_us();
    shop.world.type_line(shop.a, &format!("MIGRATE 10.0.0.2 7002 {k0} 0 1500")).unwrap();
    shop.world.run_for(500_000);
    // Another client's PING is not answered while the node waits for the target.
    shop.world.type_line(other, "PING").unwrap();
    shop.world.run_for(500_000);
    assert!(shop.world.terminal_busy(other));
    let said = {
        while shop.world.terminal_busy(shop.a) {
            shop.world.step().unwrap();
        }
        let lines = shop.world.take_terminal_output(shop.a).into_iter();
        lines.map(|line| line.text).collect::<Vec<_>>().join("\n")
    };
    assert!(said.contains("(error) IOERR error or timeout reading to target instance"), "{said}");
    let waited = shop.world.now_us() - begun;
    assert!((1_500_000..1_700_000).contains(&waited), "{waited}");
    shop.world.run_for(100_000);
    assert!(!shop.world.terminal_busy(other));
    // Nothing is lost: the key is where it was.
    act(&mut shop.world, Action::Resume { node: "B1".into() });
    assert_eq!(shop.say(shop.a, &format!("GET {k0}")), "\"value-0\"");
}

#[test]
fn a_kept_connection_that_died_is_made_anew() {
    let mut shop = shop();
    shop.open_both_ends();
    let (k0, k1) = (shop.key(0), shop.key(1));
    let info = |shop: &mut Shop| shop.say(shop.a, "INFO stats").contains("migrate_cached_sockets:1");
    assert_eq!(shop.say(shop.a, &format!("MIGRATE 10.0.0.2 7002 {k0} 0 1000")), "OK");
    assert!(info(&mut shop));
    let killed = shop.say(shop.b, "CLIENT KILL TYPE normal SKIPME yes");
    assert!(killed.starts_with("(integer)"), "{killed}");
    assert_eq!(shop.say(shop.a, &format!("MIGRATE 10.0.0.2 7002 {k1} 0 1000")), "OK");
    shop.world.run_for(13 * SECOND);
    assert!(!info(&mut shop), "unused connections are closed after ten seconds");
}
