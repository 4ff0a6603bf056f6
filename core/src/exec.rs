//! What a command sees while it runs: its arguments, its reply, the keyspace, and the levers that say how it is propagated.
//!
//! A handler reads its arguments from [`Exec::args`], finds keys through [`Exec::read`] and [`Exec::write`] (which apply
//! expiry as Redis's `lookupKeyRead` and `lookupKeyWrite` do), writes one reply, and for each change calls
//! [`Exec::modified`] and [`Exec::dirty`]. An `Err` becomes the error reply.

use crate::command::table::CommandId;
use crate::config::Config;
pub use crate::config::notify;
use crate::node::Node;
use crate::node::client::{Blocked, Client, ClientId, OwnedArgs, own};
use crate::resp::reply::{Reply, printed};
use crate::store::object::Typed;
use crate::store::{Db, Hash, List, Object, Set, Stream, Zset, num};
use std::borrow::Cow;
use std::rc::Rc;

/// An error reply. The text is what goes over the wire after the `-`; where it begins with no code of its own
/// (a word in capitals after a `-`), `ERR ` is put before it, as `addReplyError` does (networking.c 7.0.15). It may quote what
/// a client sent, so it is bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(pub Cow<'static, [u8]>);

impl Error {
    /// A command met a key that holds another type.
    pub const WRONG_TYPE: Error =
        Error::fixed("-WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Bad arguments.
    pub const SYNTAX: Error = Error::fixed("syntax error");
    /// An argument is no integer, or one out of range.
    pub const NOT_INTEGER: Error = Error::fixed("value is not an integer or out of range");
    /// An argument is no number.
    pub const NOT_FLOAT: Error = Error::fixed("value is not a valid float");
    /// A key that must be there is not.
    pub const NO_SUCH_KEY: Error = Error::fixed("no such key");
    /// An index outside of a list.
    pub const INDEX_OUT_OF_RANGE: Error = Error::fixed("index out of range");
    /// An argument is outside of what is allowed.
    pub const OUT_OF_RANGE: Error = Error::fixed("value is out of range");
    /// A count is negative.
    pub const NOT_POSITIVE: Error = Error::fixed("value is out of range, must be positive");

    /// An error with a text that does not change.
    pub const fn fixed(text: &'static str) -> Error {
        Error(Cow::Borrowed(text.as_bytes()))
    }

    /// An error with a text made for the occasion.
    pub fn new(text: impl Into<Vec<u8>>) -> Error {
        Error(Cow::Owned(text.into()))
    }

    /// An error that quotes an argument between two pieces of text, as `%s` prints it.
    pub fn quoting(before: &str, arg: &[u8], after: &str) -> Error {
        Error::new([before.as_bytes(), printed(arg, usize::MAX), after.as_bytes()].concat())
    }

    /// `wrong number of arguments for '…' command`; `name` is the full name (`config|get`).
    pub fn arity(name: &str) -> Error {
        Error::new(format!("wrong number of arguments for '{name}' command"))
    }
}

/// How a command ends: it has written its reply (or blocked its client), or an error is to be written.
pub type Done = Result<(), Error>;

/// A command's code.
pub type Handler = fn(&mut Exec<'_>) -> Done;

/// How the command that runs is to be propagated to the append-only file and the replicas.
#[derive(Clone, Debug, Default)]
pub(crate) enum Propagation {
    /// As it was sent, if it changed anything.
    #[default]
    AsSent,
    /// Not at all.
    Nothing,
    /// As these commands instead.
    Instead(Vec<OwnedArgs>),
    /// As it was sent, even though it changed nothing (PUBLISH, SCRIPT LOAD); the flag: to replicas only.
    Forced {
        /// Leave the append-only file out.
        replicas_only: bool,
    },
}

/// The context of one running command.
pub struct Exec<'a> {
    /// The node that runs it.
    pub node: &'a mut Node,
    /// Who sent it; 0 when nobody did (loading, scripts of the node's own).
    pub client: ClientId,
    /// Its entry in the command table.
    pub command: CommandId,
    /// Name and arguments. For a subcommand `args[1]` is its name.
    pub args: &'a [&'a [u8]],
    /// Where the reply goes.
    pub reply: &'a mut Reply,
    /// The selected database.
    pub db: usize,
    /// The command runs again because this key, which its client waits for, is ready.
    pub ready_key: Option<&'a [u8]>,
    pub(crate) propagation: Propagation,
}

impl Exec<'_> {
    /// The sender, if it still is there.
    pub fn client(&self) -> Option<&Client> {
        self.node.clients.get(&self.client).map(|client| &**client)
    }

    /// The sender, if it still is there.
    pub fn client_mut(&mut self) -> Option<&mut Client> {
        self.node.clients.get_mut(&self.client).map(|client| &mut **client)
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config {
        &self.node.config
    }

    /// Wall clock in milliseconds, the same for the whole command (and the whole transaction).
    pub fn now_ms(&self) -> i64 {
        self.node.command_time_ms
    }

    /// The selected database, without any rule of expiry.
    pub fn raw_db(&self) -> &Db {
        &self.node.dbs[self.db]
    }

    /// The selected database, without any rule of expiry.
    pub fn raw_db_mut(&mut self) -> &mut Db {
        &mut self.node.dbs[self.db]
    }

    // --- arguments ---

    /// Argument `index` as an integer (`getLongLongFromObjectOrReply`).
    ///
    /// # Errors
    /// [`Error::NOT_INTEGER`].
    pub fn integer(&self, index: usize) -> Result<i64, Error> {
        num::parse_i64(self.args[index]).ok_or(Error::NOT_INTEGER)
    }

    /// Argument `index` as a count whose sign has a meaning, so that the one number without an opposite is refused
    /// (`getRangeLongFromObjectOrReply` from `-LONG_MAX`).
    ///
    /// # Errors
    /// [`Error::NOT_INTEGER`], or the text for `i64::MIN`.
    pub fn signed_count(&self, index: usize) -> Result<i64, Error> {
        match self.integer(index)? {
            i64::MIN => Err(Error::fixed(
                "value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            )),
            count => Ok(count),
        }
    }

    /// Whether argument `index` is `word`, whatever the case of its letters.
    pub fn arg_is(&self, index: usize, word: &str) -> bool {
        self.args.get(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    // --- keys ---

    /// A key's value for reading: a key past its time is not there. Counts hits and misses and touches the key's clock.
    pub fn read(&mut self, key: &[u8]) -> Option<&Object> {
        self.node.lookup_read(self.db, key, self.client)
    }

    /// A key's value for changing: a key past its time is deleted first (on a master).
    pub fn write(&mut self, key: &[u8]) -> Option<&mut Object> {
        self.node.lookup_write(self.db, key, self.client)
    }

    /// Whether a key is there, without touching its clock or the hit counters.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        !self.node.expire_if_needed(self.db, key, self.client) && self.node.dbs[self.db].get(key).is_some()
    }

    /// Creates a key, or replaces what it holds and drops its time to live (`setKey`). Signals the change.
    pub fn set(&mut self, key: &[u8], object: Object) {
        self.node.dbs[self.db].remove_expire(key);
        self.set_keep_ttl(key, object);
    }

    /// As [`Exec::set`], but a time to live stays.
    pub fn set_keep_ttl(&mut self, key: &[u8], object: Object) {
        self.node.insert(self.db, key, object);
        self.modified(key);
    }

    /// Deletes a key. Returns whether it was there. Does not signal, count or notify.
    pub fn remove(&mut self, key: &[u8]) -> Option<Object> {
        self.node.remove(self.db, key)
    }

    /// Tells those who watch, track or wait for the key that it changed (`signalModifiedKey`).
    pub fn modified(&mut self, key: &[u8]) {
        self.node.signal_modified(self.db, key);
    }

    /// Counts changes: what is not counted is not propagated and does not move a save point.
    pub fn dirty(&mut self, changes: u64) {
        self.node.dirty += changes;
    }

    /// Publishes a keyspace event, if the configuration asks for its class.
    pub fn notify(&mut self, class: u32, event: &str, key: &[u8]) {
        self.node.notify_keyspace_event(class, event, key, self.db);
    }

    /// When the key expires (wall clock, milliseconds), if it does.
    pub fn expire_at(&self, key: &[u8]) -> Option<i64> {
        self.node.dbs[self.db].get_expire(key)
    }

    /// Sets when the key expires (wall clock, milliseconds).
    pub fn set_expire(&mut self, key: &[u8], at_ms: i64) {
        self.node.set_expire(self.client, self.db, key, at_ms);
    }

    /// The value at `key` for reading, of the type asked for, shared: the reply can be written meanwhile.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn shared<T: Typed>(&mut self, key: &[u8]) -> Result<Option<Rc<T>>, Error> {
        Ok(self.node.read_as(self.db, key, self.client)?.cloned())
    }

    /// The list at `key` for reading.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn read_list(&mut self, key: &[u8]) -> Result<Option<&List>, Error> {
        Ok(self.node.read_as::<List>(self.db, key, self.client)?.map(|value| &**value))
    }

    /// The list at `key` for changing.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn write_list(&mut self, key: &[u8]) -> Result<Option<&mut List>, Error> {
        self.node.write_as(self.db, key, self.client)
    }

    /// The set at `key` for reading.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn read_set(&mut self, key: &[u8]) -> Result<Option<&Set>, Error> {
        Ok(self.node.read_as::<Set>(self.db, key, self.client)?.map(|value| &**value))
    }

    /// The set at `key` for changing.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn write_set(&mut self, key: &[u8]) -> Result<Option<&mut Set>, Error> {
        self.node.write_as(self.db, key, self.client)
    }

    /// The hash at `key` for reading.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn read_hash(&mut self, key: &[u8]) -> Result<Option<&Hash>, Error> {
        Ok(self.node.read_as::<Hash>(self.db, key, self.client)?.map(|value| &**value))
    }

    /// The hash at `key` for changing.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn write_hash(&mut self, key: &[u8]) -> Result<Option<&mut Hash>, Error> {
        self.node.write_as(self.db, key, self.client)
    }

    /// The sorted set at `key` for reading.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn read_zset(&mut self, key: &[u8]) -> Result<Option<&Zset>, Error> {
        Ok(self.node.read_as::<Zset>(self.db, key, self.client)?.map(|value| &**value))
    }

    /// The sorted set at `key` for changing.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn write_zset(&mut self, key: &[u8]) -> Result<Option<&mut Zset>, Error> {
        self.node.write_as(self.db, key, self.client)
    }

    /// The stream at `key` for reading.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn read_stream(&mut self, key: &[u8]) -> Result<Option<&Stream>, Error> {
        Ok(self.node.read_as::<Stream>(self.db, key, self.client)?.map(|value| &**value))
    }

    /// The stream at `key` for changing.
    ///
    /// # Errors
    /// [`Error::WRONG_TYPE`].
    pub fn write_stream(&mut self, key: &[u8]) -> Result<Option<&mut Stream>, Error> {
        self.node.write_as(self.db, key, self.client)
    }

    // --- propagation ---

    /// Propagate this command instead of the one that was sent. May be called more than once: all are propagated, in order.
    pub fn propagate_as(&mut self, args: &[&[u8]]) {
        match &mut self.propagation {
            Propagation::Instead(commands) => commands.push(own(args)),
            other => *other = Propagation::Instead(vec![own(args)]),
        }
    }

    /// Propagate nothing, whatever has changed.
    pub fn propagate_nothing(&mut self) {
        self.propagation = Propagation::Nothing;
    }

    /// Propagate the command as it was sent even though no key changed.
    pub fn propagate_always(&mut self, replicas_only: bool) {
        self.propagation = Propagation::Forced { replicas_only };
    }

    // --- blocking ---

    /// Whether this command may block its client: not inside a transaction, a script or while loading
    /// (`CLIENT_DENY_BLOCKING`).
    pub fn may_block(&self) -> bool {
        self.node.may_block(self.client)
    }

    /// The keys that a blocking command is to look at: all, in its own order; when it runs again, the one that became
    /// ready and no other (blocked.c 7.0.15 serves key by key).
    pub fn keys_at_hand<'k, 'b>(&self, keys: &'k [&'b [u8]]) -> &'k [&'b [u8]] {
        let Some(ready) = self.ready_key else { return keys };
        let place = keys.iter().position(|key| *key == ready);
        place.map_or(&[], |place| &keys[place..=place])
    }

    /// Leaves the client waiting until one of `keys` is ready, when the command runs again with [`Exec::ready_key`] set,
    /// or until `deadline_ms` (wall clock) passes. While it runs again this does nothing: the client goes on waiting.
    pub fn block_on_keys(&mut self, keys: &[&[u8]], deadline_ms: Option<i64>) {
        if self.ready_key.is_some() {
            return;
        }
        self.block_as(self.args, keys, deadline_ms);
    }

    /// As [`Exec::block_on_keys`] the first time, but what runs again are these arguments.
    pub fn block_as(&mut self, args: &[&[u8]], keys: &[&[u8]], deadline_ms: Option<i64>) {
        let blocked = Blocked::Keys { args: own(args), db: self.db, keys: own(keys), deadline_ms };
        self.node.block(self.client, blocked);
    }
}
