//! `redis-cli --cluster …` in a terminal: it has the terminal's host, its keyboard and its one connection while it runs.

use super::{COMMAND_TIMEOUT_US, TermKind, TermLine, Terminal, lost_words};
use crate::host::NetError;
use crate::sim::client::{ClientEvent, Io};
use crate::sim::cluster_cli::{ClusterCli, Event, Options, Wish, help};
use std::rc::Rc;

/// How long a node has to answer the tool, in microseconds.
const ANSWER_TIMEOUT_US: u64 = 5_000_000;

/// The tool and what it waits for.
#[derive(Clone)]
pub(super) struct Tool {
    cli: ClusterCli,
    wish: Wish,
    /// The node that the connection leads to, and whether it stands.
    at: Option<(String, u16)>,
    /// Replies that come before the one that is waited for: AUTH's.
    skip: u32,
}

impl Tool {
    /// What the user is asked, if the tool waits for that.
    pub fn question(&self) -> Option<&str> {
        match &self.wish {
            Wish::Ask(prompt) => Some(prompt),
            _ => None,
        }
    }
}

impl Terminal {
    /// Begins with a line if it is one for the tool.
    pub(super) fn begin_tool(&mut self, io: &mut Io<'_>, args: &[Vec<u8>]) -> bool {
        let words: Vec<String> = args.iter().map(|a| String::from_utf8_lossy(a).into_owned()).collect();
        let options = match words.first().map(String::as_str) {
            Some("redis-cli") => &words[1..],
            Some("--cluster") => &words[..],
            _ => return false,
        };
        let now = io.now_us();
        match Options::parse(options) {
            Some(Ok(options)) => {
                // A shell would have ended this redis-cli before.
                io.disconnect();
                io.no_timer();
                self.forget_connection();
                self.lost = false;
                let cli = ClusterCli::new(options);
                self.tool = Some(Box::new(Tool { cli, wish: Wish::End, at: None, skip: 0 }));
                self.resume_tool(io, None);
            }
            Some(Err(_)) if options.len() == 1 => self.print(now, TermKind::Info, help()),
            Some(Err(why)) => self.print(now, TermKind::Error, why.trim_end()),
            None => {
                let text = "This is redis-cli already: type the command alone. `redis-cli --cluster help` says what can be done to a cluster.";
                self.print(now, TermKind::Error, text);
            }
        }
        true
    }

    /// The user has answered the tool's question.
    pub(super) fn answer_tool(&mut self, io: &mut Io<'_>, line: String) {
        let (at_us, prompt) = (io.now_us(), Some(self.prompt()));
        let typed =
            TermLine { at_us, kind: TermKind::Input, text: line.clone(), prompt, from: None, value: None };
        self.output_line(typed);
        self.resume_tool(io, Some(Event::Line(line)));
    }

    fn resume_tool(&mut self, io: &mut Io<'_>, event: Option<Event>) {
        let Some(tool) = &mut self.tool else { return };
        let (printed, wish) = tool.cli.resume(event);
        tool.wish = wish;
        for (error, text) in printed {
            self.print(io.now_us(), if error { TermKind::Error } else { TermKind::Reply }, text);
        }
        self.carry_out_wish(io);
    }

    fn carry_out_wish(&mut self, io: &mut Io<'_>) {
        let Some(tool) = &mut self.tool else { return };
        match &tool.wish {
            Wish::Command { ip, port, args } => {
                let stands = tool.at.as_ref().is_some_and(|(i, p)| i == ip && p == port);
                if stands {
                    io.command(args);
                    io.timer(patience_us(args));
                } else {
                    io.connect(ip, *port);
                    io.timer(COMMAND_TIMEOUT_US);
                    tool.at = None;
                }
            }
            Wish::Sleep(us) => io.timer(*us),
            Wish::Ask(_) => io.no_timer(),
            Wish::End => {
                self.tool = None;
                io.no_timer();
                io.disconnect();
            }
        }
    }

    /// Something happens while the tool runs. Gives back what is not for it.
    pub(super) fn tool_event(&mut self, io: &mut Io<'_>, event: ClientEvent) -> Option<ClientEvent> {
        let tool = self.tool.as_mut()?;
        let waits = match &tool.wish {
            Wish::Command { ip, port, args } => Some((ip.clone(), *port, args.clone())),
            _ => None,
        };
        match (event, waits) {
            (event @ (ClientEvent::Line(_) | ClientEvent::Interrupt), _) => return Some(event),
            (ClientEvent::Connected, Some((ip, port, args))) => {
                if let Some(auth) = tool.cli.options().auth() {
                    io.command(&auth);
                    tool.skip += 1;
                }
                tool.at = Some((ip, port));
                io.command(&args);
                io.timer(patience_us(&args));
            }
            (ClientEvent::Data(bytes), waits) => {
                let mut wanted = waits.is_some();
                for reply in io.replies(&bytes) {
                    let Some(tool) = &mut self.tool else { return None };
                    if tool.skip > 0 {
                        tool.skip -= 1;
                    } else if std::mem::take(&mut wanted) {
                        self.resume_tool(io, Some(Event::Reply(Rc::new(reply))));
                    }
                }
            }
            (ClientEvent::Closed(error), Some(_)) => self.tool_lost(io, error),
            (ClientEvent::Closed(_), None) => tool.at = None,
            (ClientEvent::Timer, Some(_)) => {
                io.disconnect();
                self.tool_lost(io, NetError::TimedOut);
            }
            (ClientEvent::Timer, None) if matches!(tool.wish, Wish::Sleep(_)) => {
                self.resume_tool(io, Some(Event::Slept));
            }
            _ => {}
        }
        None
    }

    fn tool_lost(&mut self, io: &mut Io<'_>, error: NetError) {
        let Some(tool) = &mut self.tool else { return };
        tool.skip = 0;
        let event = match (tool.at.take(), error) {
            (None, error) => Event::NotReached(error.strerror().to_string()),
            (Some((ip, port)), NetError::TimedOut) => Event::Gone(format!("No answer from {ip}:{port}")),
            (Some(_), error) => Event::Gone(format!("Error: {}", lost_words(error))),
        };
        self.resume_tool(io, Some(event));
    }
}

/// How long a reply is waited for: MIGRATE says itself how long it may take.
fn patience_us(args: &[Vec<u8>]) -> u64 {
    let own = args.first().filter(|name| name.eq_ignore_ascii_case(b"migrate")).and_then(|_| args.get(5));
    let own_ms: u64 = own.and_then(|t| std::str::from_utf8(t).ok()?.parse().ok()).unwrap_or(0);
    ANSWER_TIMEOUT_US.saturating_add(own_ms.saturating_mul(1000))
}
