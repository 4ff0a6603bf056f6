//! `window.vitrine`: the page's scripting surface, for teachers in the console and for the end-to-end tests.
//!
//! Everything gives a Promise; what cannot be done rejects it with an `Error` that says why. Times are virtual
//! microseconds. A command's Promise resolves when the node has answered *and* this browser has committed every byte that
//! the answer promises. While time is held nothing answers: play, step or `run` first.

use crate::page::link;
use crate::page::ui::{Done, Make};
use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use serde::Serialize;
use std::rc::Rc;
use vitrine_web::look::{Look, Seen};
use vitrine_web::model::Node;
use vitrine_web::protocol::{Answer, Reply, State, ToWorker};
use vitrine_web::words;
use wasm_bindgen::prelude::*;

/// The object that `window.vitrine` is.
#[wasm_bindgen]
pub struct Vitrine {
    ask: Rc<dyn Fn(Make, Done)>,
}

/// Makes `window.vitrine`; `ask` sends a question to the worker.
pub fn install(ask: impl Fn(Make, Done) + 'static) {
    let vitrine = Vitrine { ask: Rc::new(ask) };
    let _ = Reflect::set(&link::window(), &"vitrine".into(), &vitrine.into());
}

fn error(text: &str) -> JsValue {
    js_sys::Error::new(text).into()
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible()).map_err(|e| error(&e.to_string()))
}

/// A reply as JavaScript has it: strings (bytes that are no UTF-8 stay a `Uint8Array`), numbers, arrays, `null`; a map is an
/// array of pairs. An error reply inside a list is an `Error` object.
fn reply_to_js(reply: Reply) -> JsValue {
    match reply {
        Reply::Null => JsValue::NULL,
        Reply::Status(s) => s.into(),
        Reply::Error(s) => error(&s),
        Reply::Integer(n) if n.unsigned_abs() <= 1 << 53 => (n as f64).into(),
        Reply::Integer(n) => n.to_string().into(),
        Reply::Double(d) => d.into(),
        Reply::Bool(b) => b.into(),
        Reply::Bytes(b) => match String::from_utf8(b.into_vec()) {
            Ok(s) => s.into(),
            Err(e) => Uint8Array::from(e.as_bytes()).into(),
        },
        Reply::List(items) => items.into_iter().map(reply_to_js).collect::<Array>().into(),
        Reply::Map(pairs) => pairs
            .into_iter()
            .map(|(k, v)| Array::of2(&reply_to_js(k), &reply_to_js(v)))
            .collect::<Array>()
            .into(),
    }
}

/// A node as scripts see it: with names where the page has numbers.
fn node_to_js(node: &Node, all: &[Node]) -> Result<JsValue, JsValue> {
    let object = to_js(node)?;
    let master = node.replica_of.and_then(|m| all.get(usize::from(m)));
    let master = master.map_or(JsValue::NULL, |m| m.name.as_str().into());
    Reflect::set(&object, &"replicaOf".into(), &master)?;
    Reflect::set(&object, &"role".into(), &if node.master { "master" } else { "replica" }.into())?;
    Ok(object)
}

impl Vitrine {
    fn promise(
        &self,
        make: impl FnOnce(u32) -> ToWorker + 'static,
        then: impl FnOnce(Answer) -> Result<JsValue, JsValue> + 'static,
    ) -> Promise {
        let ask = self.ask.clone();
        let mut parts = Some((make, then));
        Promise::new(&mut |resolve, reject| {
            let Some((make, then)) = parts.take() else { return };
            let done: Done = Box::new(move |answer| {
                let _ = match answer.map_err(|why| error(&why)).and_then(then) {
                    Ok(value) => resolve.call1(&JsValue::NULL, &value),
                    Err(why) => reject.call1(&JsValue::NULL, &why),
                };
            });
            ask(Box::new(make), done);
        })
    }

    fn done(&self, make: impl FnOnce(u32) -> ToWorker + 'static) -> Promise {
        self.promise(make, |_| Ok(JsValue::UNDEFINED))
    }

    fn state_then(&self, then: impl FnOnce(State) -> Result<JsValue, JsValue> + 'static) -> Promise {
        self.promise(
            |id| ToWorker::State { id },
            |answer| match answer {
                Answer::State(state) => then(*state),
                _ => Err(error("The engine answered something else.")),
            },
        )
    }
}

#[wasm_bindgen]
impl Vitrine {
    /// All nodes: `[{ name, id, addr, process, role, master, replicaOf, keys, offset, epochConfig, … }]`; `role` is `"master"`
    /// or `"replica"` in the node's own view, `replicaOf` a name or null.
    pub fn nodes(&self) -> Promise {
        self.state_then(|state| {
            let all = &state.cluster.nodes;
            Ok(all.iter().map(|n| node_to_js(n, all)).collect::<Result<Array, JsValue>>()?.into())
        })
    }

    /// One node by name, such as `"A1"`.
    pub fn node(&self, name: String) -> Promise {
        self.state_then(move |state| {
            let all = &state.cluster.nodes;
            let node = all.iter().find(|n| n.name == name);
            node_to_js(node.ok_or_else(|| error(&format!("There is no node {name}.")))?, all)
        })
    }

    /// The cluster as a whole: `{ ok, slotsOk, slotsAssigned, epoch, claims, beliefs, groups, cuts, faults, nodes }`.
    pub fn cluster(&self) -> Promise {
        self.state_then(|state| to_js(&state.cluster))
    }

    /// Runs a command on a node (`"A1"`) or cluster-wide (`"cluster"`, which follows MOVED and ASK). The command is a line
    /// (`"SET a b"`, cut as redis-cli cuts it) or an array of words. An error reply rejects.
    pub fn command(&self, node: String, command: JsValue) -> Promise {
        let args: Result<Vec<Vec<u8>>, JsValue> = if let Some(line) = command.as_string() {
            words::split_args(&line).map_err(error)
        } else if let Some(list) = command.dyn_ref::<Array>() {
            Ok(list
                .iter()
                .map(|word| match word.dyn_ref::<Uint8Array>() {
                    Some(bytes) => bytes.to_vec(),
                    None => word
                        .as_string()
                        .unwrap_or_else(|| format!("{:?}", word.as_f64().unwrap_or(f64::NAN)))
                        .into_bytes(),
                })
                .collect())
        } else {
            Err(error("A command is a string or an array of words."))
        };
        let args = match args {
            Ok(args) if !args.is_empty() => {
                args.into_iter().map(serde_bytes::ByteBuf::from).collect::<Vec<_>>()
            }
            Ok(_) => return Promise::reject(&error("The command is empty.")),
            Err(why) => return Promise::reject(&why),
        };
        let node = (node != "cluster").then_some(node);
        self.promise(
            move |id| ToWorker::Run { id, node, args },
            |answer| match answer {
                Answer::Reply(Reply::Error(text)) => Err(error(&text)),
                Answer::Reply(reply) => Ok(reply_to_js(reply)),
                _ => Err(error("The engine answered something else.")),
            },
        )
    }

    /// Lets time go on, or, with `{ untilUs }` or `{ forUs }`, runs that far as fast as possible and holds time there.
    pub fn run(&self, how: JsValue) -> Promise {
        let number = |name: &str| Reflect::get(&how, &name.into()).ok().and_then(|v| v.as_f64());
        if !how.is_object() {
            return self.done(|id| ToWorker::Playing { id, playing: true });
        }
        match (number("untilUs"), number("forUs")) {
            (Some(until), _) => self.done(move |id| ToWorker::RunUntil {
                id,
                until_us: until.max(0.0) as u64,
                relative: false,
            }),
            (_, Some(span)) => {
                self.done(move |id| ToWorker::RunUntil { id, until_us: span.max(0.0) as u64, relative: true })
            }
            _ => Promise::reject(&error("run: say { untilUs } or { forUs }, or nothing.")),
        }
    }

    /// Holds time.
    pub fn pause(&self) -> Promise {
        self.done(|id| ToWorker::Playing { id, playing: false })
    }

    /// Processes one event; time is held then.
    pub fn step(&self) -> Promise {
        self.done(|id| ToWorker::StepOne { id })
    }

    /// Sets the speed, 0.001 to 1000 virtual seconds per second.
    pub fn speed(&self, times: f64) -> Promise {
        self.done(move |id| ToWorker::SetSpeed { id, times })
    }

    /// `{ nowUs, playing, speed, seed, steps }`.
    pub fn time(&self) -> Promise {
        self.state_then(|state| {
            let out = Object::new();
            let pairs: [(&str, JsValue); 5] = [
                ("nowUs", (state.now_us as f64).into()),
                ("playing", state.playing.into()),
                ("speed", state.speed.into()),
                ("seed", state.seed.into()),
                ("steps", (state.steps as f64).into()),
            ];
            for (name, value) in pairs {
                Reflect::set(&out, &name.into(), &value)?;
            }
            Ok(out.into())
        })
    }

    /// The running hash of everything that happened in this world, in 16 hexadecimal digits.
    #[wasm_bindgen(js_name = traceHash)]
    pub fn trace_hash(&self) -> Promise {
        self.promise(|id| ToWorker::TraceHash { id }, hash)
    }

    /// Resolves with the virtual instant once the cluster is ready: `cluster_state:ok` on every node that is up, all
    /// 16384 slots served.
    pub fn ready(&self) -> Promise {
        self.promise(
            |id| ToWorker::Ready { id },
            |answer| match answer {
                Answer::Time(at) => Ok((at as f64).into()),
                _ => Err(error("The engine answered something else.")),
            },
        )
    }

    /// Throws the cluster and everything stored away and forms a new one, `{ seed: "0x5eed2f81" }` or with a seed of chance.
    pub fn reset(&self, how: JsValue) -> Promise {
        let seed = Reflect::get(&how, &"seed".into()).ok().and_then(|v| v.as_string());
        self.done(|id| ToWorker::Reset { id, seed })
    }

    /// Plays the text of a scenario (or a link to one) in a world of its own beside the one on the page, and resolves with its trace hash, which
    /// is the same everywhere; rejects with the first line that could not be carried out or did not hold.
    #[wasm_bindgen(js_name = runScenario)]
    pub fn run_scenario(&self, scenario: String) -> Promise {
        self.promise(move |id| ToWorker::Scenario { id, text: scenario }, hash)
    }

    /// Runs a line of the language for scenarios (docs/SCENARIO.md), as typed behind `:` in the terminal: `"crash A1 keeping torn"`. Resolves with
    /// what there is to say, and rejects with why it cannot be done or does not hold.
    pub fn line(&self, text: String) -> Promise {
        self.promise(move |id| ToWorker::Line { id, line: text }, said)
    }

    /// The run so far as the text of a scenario, which gives it again; `scenario(true)` gives a link to it instead.
    pub fn scenario(&self, link: Option<bool>) -> Promise {
        let link = link.unwrap_or(false);
        self.promise(move |id| ToWorker::Share { id, link }, said)
    }

    /// Puts another world in the place of this one: the text of a scenario, or a link to one. Nothing happens in it before `run()`.
    pub fn open(&self, scenario: String) -> Promise {
        self.done(move |id| ToWorker::Open { id, text: scenario, dump: None, wall_us: 0.0, wait: true })
    }

    /// How all acknowledged writes are now: `{ safe, atRisk, lost, pending, cause, … }`; `ledger("lost")` (or `"at-risk"`, `"safe"`) the newest of them as
    /// rows of words: client, command, key, instant, node, where it is, why.
    pub fn ledger(&self, class: Option<String>) -> Promise {
        let look = class.map_or(Look::Ledger, Look::Writes);
        self.promise(
            move |id| ToWorker::Look { id, look },
            |answer| match answer {
                Answer::Seen(seen) => match *seen {
                    Seen::Ledger(ledger) => to_js(&ledger),
                    // The first row names the nodes that hold them.
                    Seen::Rows(rows) => to_js(&rows.get(1..).unwrap_or_default()),
                    _ => Err(error("The engine answered something else.")),
                },
                _ => Err(error("The engine answered something else.")),
            },
        )
    }

    /// Ends the engine by a panic, to see what the page does then. Resolves never; the page offers a restart.
    #[wasm_bindgen(js_name = panicEngine)]
    pub fn panic_engine(&self) -> Promise {
        self.done(|_| ToWorker::Panic)
    }
}

fn said(answer: Answer) -> Result<JsValue, JsValue> {
    match answer {
        Answer::Said(text) => Ok(text.into()),
        _ => Err(error("The engine answered something else.")),
    }
}

fn hash(answer: Answer) -> Result<JsValue, JsValue> {
    match answer {
        Answer::Hash(hash) => Ok(hash.into()),
        _ => Err(error("The engine answered something else.")),
    }
}
