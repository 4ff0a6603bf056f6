//! A node's keys. Looking never changes a run, and reading keys is a command like any other: so nothing is read before the
//! visitor asks, and what was run is said.

use super::super::{Act, Done, Make, Once, icon};
use vitrine_web::model::NodeIndex;
use vitrine_web::protocol::{Answer, Reply, ToWorker};
use vitrine_web::words;
use yew::prelude::*;

#[derive(PartialEq, Properties)]
pub struct Props {
    pub node: NodeIndex,
    pub name: String,
    pub total: u64,
    pub up: bool,
    pub act: Callback<Act>,
}

#[derive(Clone, Default, PartialEq)]
struct Found {
    ran: String,
    keys: Vec<Vec<u8>>,
    more: bool,
    error: Option<String>,
}

#[derive(Clone, Default, PartialEq)]
struct Looked {
    key: Vec<u8>,
    rows: Vec<(&'static str, String)>,
}

fn bytes(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Bytes(b) => b.to_vec(),
        Reply::Status(s) => s.clone().into_bytes(),
        _ => Vec::new(),
    }
}

/// A reply in short: strings in quotes, lists as their length.
fn brief(reply: &Reply) -> String {
    const MAX: usize = 400;
    match reply {
        Reply::Null => "none".into(),
        Reply::Status(s) | Reply::Error(s) => s.clone(),
        Reply::Integer(n) => n.to_string(),
        Reply::Double(d) => d.to_string(),
        Reply::Bool(b) => b.to_string(),
        Reply::Bytes(b) => {
            let cut = &b[..b.len().min(MAX)];
            let more =
                if b.len() > MAX { format!(" … {}", words::bytes(b.len() as u64)) } else { String::new() };
            format!("\"{}\"{more}", cut.escape_ascii())
        }
        Reply::List(items) => items.iter().take(20).map(brief).collect::<Vec<_>>().join("\n"),
        Reply::Map(pairs) => pairs
            .iter()
            .take(20)
            .map(|(k, v)| format!("{} {}", brief(k), brief(v)))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn ask(
    act: &Callback<Act>,
    node: NodeIndex,
    args: Vec<Vec<u8>>,
    done: impl FnOnce(Result<Reply, String>) + 'static,
) {
    let make: Make = Box::new(move |id| ToWorker::Command {
        id,
        node: Some(node),
        args: args.into_iter().map(serde_bytes::ByteBuf::from).collect(),
    });
    let done: Done = Box::new(move |answer| {
        done(match answer {
            Ok(Answer::Reply(Reply::Error(e))) => Err(e),
            Ok(Answer::Reply(reply)) => Ok(reply),
            Ok(_) => Err("The answer is no reply.".into()),
            Err(why) => Err(why),
        });
    });
    act.emit(Act::Ask(Once::new(make), Once::new(done)));
}

#[component]
pub fn Keys(props: &Props) -> Html {
    let field = use_node_ref();
    let found = use_state(|| None::<Found>);
    let looked = use_state(|| None::<Looked>);
    let node = props.node;
    let scan = {
        let (act, field, found, looked) = (props.act.clone(), field.clone(), found.clone(), looked.clone());
        Callback::from(move |()| {
            let pattern = field.cast::<web_sys::HtmlInputElement>().map(|f| f.value()).unwrap_or_default();
            let pattern = if pattern.is_empty() { "*".to_owned() } else { pattern };
            let ran = format!("SCAN 0 MATCH {pattern} COUNT 1000");
            let args =
                ["SCAN", "0", "MATCH", &pattern, "COUNT", "1000"].map(|s| s.as_bytes().to_vec()).to_vec();
            let found = found.clone();
            looked.set(None);
            ask(&act, node, args, move |reply| {
                let mut out = Found { ran, ..Found::default() };
                match reply {
                    Ok(Reply::List(parts)) if parts.len() == 2 => {
                        out.more = bytes(&parts[0]) != b"0";
                        if let Reply::List(keys) = &parts[1] {
                            out.keys = keys.iter().take(200).map(bytes).collect();
                        }
                        out.keys.sort();
                    }
                    Ok(_) => out.error = Some("The reply is not SCAN's.".into()),
                    Err(why) => out.error = Some(why),
                }
                found.set(Some(out));
            });
        })
    };
    let look = {
        let (act, looked) = (props.act.clone(), looked.clone());
        move |key: Vec<u8>| {
            let (act, looked) = (act.clone(), looked.clone());
            Callback::from(move |_: MouseEvent| {
                let rows =
                    std::rc::Rc::new(std::cell::RefCell::new(Looked { key: key.clone(), rows: Vec::new() }));
                looked.set(Some(rows.borrow().clone()));
                let questions: [(&'static str, Vec<&[u8]>); 4] = [
                    ("type", vec![b"TYPE"]),
                    ("encoding", vec![b"OBJECT", b"ENCODING"]),
                    ("expires in, ms", vec![b"PTTL"]),
                    ("slot", vec![b"CLUSTER", b"KEYSLOT"]),
                ];
                for (name, words) in questions {
                    let mut args: Vec<Vec<u8>> = words.into_iter().map(<[u8]>::to_vec).collect();
                    args.push(key.clone());
                    let (rows, looked, act2, key2) = (rows.clone(), looked.clone(), act.clone(), key.clone());
                    ask(&act, node, args, move |reply| {
                        let text = match &reply {
                            Ok(Reply::Integer(-1)) if name.starts_with("expires") => "never".to_owned(),
                            Ok(reply) => brief(reply),
                            Err(why) => why.clone(),
                        };
                        if name == "type" {
                            read_value(&act2, node, &text, key2, rows.clone(), looked.clone());
                        }
                        rows.borrow_mut().rows.push((name, text));
                        looked.set(Some(rows.borrow().clone()));
                    });
                }
            })
        }
    };
    let enter = {
        let scan = scan.clone();
        Callback::from(move |e: KeyboardEvent| {
            if e.key() == "Enter" {
                scan.emit(());
            }
        })
    };
    html! {
        <>
        <div class="keys__f"><label class="field">{ icon("i-search") }<span class="sr">{ "Match pattern" }</span>
            <input ref={field} placeholder="*" spellcheck="false" autocomplete="off" onkeydown={enter} /><span class="mono num">{ if props.total == 1 { "1 key".to_owned() } else { format!("{} keys", words::thousands(props.total)) } }</span></label>
            <button class="btn" disabled={!props.up} onclick={scan.reform(|_: MouseEvent| ())}>{ "List" }</button></div>
        { match &*found {
            None => html! { <p class="empty">{ format!("Listing keys runs SCAN on {}, as a client would: it takes its place in the run like any other command.", props.name) }</p> },
            Some(f) => html! { <>
                <div class="h3"><span class="mono">{ &f.ran }</span><span>{ if f.more { "first part" } else { "all" } }</span></div>
                if let Some(why) = &f.error { <p class="note note--alert">{ why }</p> }
                else if f.keys.is_empty() { <p class="empty">{ "No key matches. Try SET name vitrine in the terminal." }</p> }
                <table class="keys"><tbody>{ for f.keys.iter().map(|key| {
                    let chosen = looked.as_ref().is_some_and(|l| &l.key == key);
                    html! { <tr aria-selected={chosen.to_string()}><td><button onclick={look(key.clone())}>{ String::from_utf8_lossy(key).into_owned() }</button></td></tr> }
                }) }</tbody></table>
            </> },
        } }
        if let Some(l) = &*looked {
            <div class="h3"><b class="mono">{ String::from_utf8_lossy(&l.key).into_owned() }</b></div>
            <div class="rows">{ for l.rows.iter().filter(|r| r.0 != "value").map(|(k, v)| html! { <><span>{ *k }</span><span>{ v }</span></> }) }</div>
            if let Some((_, v)) = l.rows.iter().find(|r| r.0 == "value") { <pre class="value" tabindex="0">{ v }</pre> }
        }
        </>
    }
}

fn read_value(
    act: &Callback<Act>,
    node: NodeIndex,
    kind: &str,
    key: Vec<u8>,
    rows: std::rc::Rc<std::cell::RefCell<Looked>>,
    looked: UseStateHandle<Option<Looked>>,
) {
    let args: Vec<&[u8]> = match kind {
        "string" => vec![b"GETRANGE", &key, b"0", b"399"],
        "list" => vec![b"LRANGE", &key, b"0", b"19"],
        "hash" => vec![b"HGETALL", &key],
        "set" => vec![b"SRANDMEMBER", &key, b"20"],
        "zset" => vec![b"ZRANGE", &key, b"0", b"19", b"WITHSCORES"],
        "stream" => vec![b"XRANGE", &key, b"-", b"+", b"COUNT", b"20"],
        _ => return,
    };
    let args = args.into_iter().map(<[u8]>::to_vec).collect();
    ask(act, node, args, move |reply| {
        let text = reply.map_or_else(|why| why, |reply| brief(&reply));
        rows.borrow_mut().rows.push(("value", text));
        looked.set(Some(rows.borrow().clone()));
    });
}
