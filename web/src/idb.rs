//! The disk of the cluster in the browser: one IndexedDB database, three object stores.
//!
//! - `meta`: one record under the key `world`, what a world is restored with besides its files.
//! - `names`: `node\npath` → `[id, length]` ([`crate::cut::FileRecord`]).
//! - `blocks`: `[id, block]` → `Uint8Array` of at most [`crate::cut::BLOCK_LEN`] bytes.
//!
//! Every cut is one readwrite transaction with strict durability: it is there whole or not at all, whenever the tab or the
//! machine dies. All requests of a transaction are made at once, and nothing foreign is awaited inside one.

use crate::cut::{FileRecord, Name, Write};
use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use litemap::LiteMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    IdbDatabase, IdbFactory, IdbKeyRange, IdbOpenDbRequest, IdbRequest, IdbTransaction, IdbTransactionMode,
};

/// The version of the layout above.
const VERSION: u32 = 1;
const META: &str = "meta";
const NAMES: &str = "names";
const BLOCKS: &str = "blocks";
const WORLD: &str = "world";

/// What a world is restored with besides its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The seed of its first run, in hexadecimal.
    pub seed: String,
    /// How many runs there were before this one.
    pub runs: u32,
    /// What the cluster's clocks showed at the cut, in microseconds since the Unix epoch, in decimal digits.
    pub wall_us: String,
    /// The virtual instant of the cut in its run, in microseconds.
    pub cut_us: f64,
    /// What the world is made of: the head of a scenario as text, or nothing for the usual six nodes.
    #[serde(default)]
    pub setup: String,
}

/// What was in the store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record of the world.
    pub meta: Meta,
    /// Its names.
    pub names: LiteMap<Name, FileRecord>,
    /// Its files.
    pub images: crate::engine::Images,
}

/// The open database.
#[derive(Clone)]
pub struct Db(IdbDatabase);

fn text(error: &JsValue) -> String {
    if let Some(error) = error.dyn_ref::<web_sys::DomException>() {
        return match error.name().as_str() {
            "QuotaExceededError" => "its storage for this page is full (QuotaExceededError)".to_owned(),
            name => format!("{name}: {}", error.message().trim_end_matches('.')),
        };
    }
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => error.as_string().unwrap_or_else(|| format!("{error:?}")),
    }
}

/// A Promise of a request's result.
fn result_of(request: &IdbRequest) -> Promise {
    let request = request.clone();
    Promise::new(&mut |resolve, reject| {
        let (on, off) = (request.clone(), request.clone());
        let success = Closure::once_into_js(move || {
            let _ = resolve.call1(&JsValue::NULL, &on.result().unwrap_or(JsValue::UNDEFINED));
        });
        let failure = Closure::once_into_js(move || {
            let error = off.error().ok().flatten().map_or(JsValue::UNDEFINED, JsValue::from);
            let _ = reject.call1(&JsValue::NULL, &error);
        });
        request.set_onsuccess(Some(success.unchecked_ref()));
        request.set_onerror(Some(failure.unchecked_ref()));
    })
}

/// A Promise that a transaction is committed; it fails with the error that aborted it.
fn completion_of(tx: &IdbTransaction) -> Promise {
    let tx = tx.clone();
    Promise::new(&mut |resolve, reject| {
        let done = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
        });
        let failed = tx.clone();
        let abort = Closure::once_into_js(move || {
            let error = failed.error().map_or_else(|| "the transaction was aborted".into(), JsValue::from);
            let _ = reject.call1(&JsValue::NULL, &error);
        });
        tx.set_oncomplete(Some(done.unchecked_ref()));
        tx.set_onabort(Some(abort.unchecked_ref()));
    })
}

impl Db {
    /// Opens the database, making it if it is not there.
    ///
    /// # Errors
    /// In words, what the browser says: it has no IndexedDB (a private window of some), or refuses it.
    pub async fn open(factory: &IdbFactory, name: &str) -> Result<Db, String> {
        let request: IdbOpenDbRequest = factory.open_with_u32(name, VERSION).map_err(|e| text(&e))?;
        let on_upgrade = {
            let request = request.clone();
            Closure::once_into_js(move || {
                if let Ok(db) = request.result().and_then(JsCast::dyn_into::<IdbDatabase>) {
                    for store in [META, NAMES, BLOCKS] {
                        if !db.object_store_names().contains(store) {
                            let _ = db.create_object_store(store);
                        }
                    }
                }
            })
        };
        request.set_onupgradeneeded(Some(on_upgrade.unchecked_ref()));
        let db = JsFuture::from(result_of(&request)).await.map_err(|e| text(&e))?;
        let db: IdbDatabase = db.dyn_into().map_err(|_| "IndexedDB gave no database".to_owned())?;
        // Another tab that wants to delete the database is not kept waiting.
        let closing = db.clone();
        let on_change = Closure::once_into_js(move || closing.close());
        db.set_onversionchange(Some(on_change.unchecked_ref()));
        Ok(Db(db))
    }

    fn transaction(&self, mode: IdbTransactionMode) -> Result<IdbTransaction, String> {
        let stores = Array::of3(&META.into(), &NAMES.into(), &BLOCKS.into());
        // By name: web-sys has no stable binding for the third argument. Browsers that do not know it ignore it.
        let options = Object::new();
        let begin = || -> Result<JsValue, JsValue> {
            Reflect::set(&options, &"durability".into(), &"strict".into())?;
            let transaction: Function = Reflect::get(&self.0, &"transaction".into())?.dyn_into()?;
            let mode = if mode == IdbTransactionMode::Readonly { "readonly" } else { "readwrite" };
            transaction.call3(&self.0, &stores, &mode.into(), &options)
        };
        begin().and_then(|tx| tx.dyn_into()).map_err(|e| text(&e))
    }

    /// What is stored, if it is whole.
    ///
    /// # Errors
    /// What the browser says, or that the store does not fit together.
    pub async fn load(&self) -> Result<Option<Stored>, String> {
        let tx = self.transaction(IdbTransactionMode::Readonly)?;
        let store = |name: &str| tx.object_store(name).map_err(|e| text(&e));
        let (meta, names, blocks) = (store(META)?, store(NAMES)?, store(BLOCKS)?);
        let asked = [
            meta.get(&WORLD.into()),
            names.get_all_keys(),
            names.get_all(),
            blocks.get_all_keys(),
            blocks.get_all(),
        ];
        let mut got = Vec::with_capacity(asked.len());
        let asked: Vec<Promise> = {
            let mut promises = Vec::new();
            for request in asked {
                promises.push(result_of(&request.map_err(|e| text(&e))?));
            }
            promises
        };
        for promise in asked {
            got.push(JsFuture::from(promise).await.map_err(|e| text(&e))?);
        }
        if got[0].is_undefined() {
            return Ok(None);
        }
        let meta: Meta = serde_wasm_bindgen::from_value(got[0].clone()).map_err(|e| e.to_string())?;
        let list = |v: &JsValue| v.clone().dyn_into::<Array>().map(|a| a.to_vec()).unwrap_or_default();
        let number = |v: &JsValue, at: u32| Array::from(v).get(at).as_f64().unwrap_or(0.0);
        let mut bytes_of: LiteMap<u32, Vec<u8>> = LiteMap::new();
        // Keys are in order: a file's blocks come one after the other.
        for (key, block) in list(&got[3]).iter().zip(list(&got[4])) {
            let file = bytes_of.entry(number(key, 0) as u32).or_default();
            let at = number(key, 1) as usize * crate::cut::BLOCK_LEN as usize;
            if file.len() < at {
                file.resize(at, 0);
            }
            file.extend(Uint8Array::new(&block).to_vec());
        }
        let mut stored = Stored { meta, names: LiteMap::new(), images: BTreeMap::new() };
        for (key, value) in list(&got[1]).iter().zip(list(&got[2])) {
            let key = key.as_string().unwrap_or_default();
            let Some((node, path)) = key.split_once('\n') else {
                return Err(format!("the name `{key}` is none"));
            };
            let record = FileRecord { id: number(&value, 0) as u32, len: number(&value, 1) as u64 };
            let bytes = bytes_of.remove(&record.id).unwrap_or_default();
            if bytes.len() as u64 != record.len {
                return Err(format!("{node}'s {path} has {} bytes instead of {}", bytes.len(), record.len));
            }
            let name = Name { node: node.to_owned(), path: path.to_owned() };
            stored.images.entry(name.node.clone()).or_default().insert(name.path.clone(), bytes);
            stored.names.insert(name, record);
        }
        Ok(Some(stored))
    }

    /// Writes one cut. The future is ready when it is committed.
    ///
    /// # Errors
    /// What the browser says, such as `QuotaExceededError`; nothing of the cut is stored then.
    pub fn commit(
        &self,
        writes: Vec<Write>,
        meta: &Meta,
        clear: bool,
    ) -> impl Future<Output = Result<(), String>> + 'static {
        let begun = self.begin(writes, meta, clear);
        async move {
            JsFuture::from(begun?).await.map_err(|e| text(&e))?;
            Ok(())
        }
    }

    fn begin(&self, writes: Vec<Write>, meta: &Meta, clear: bool) -> Result<Promise, String> {
        let tx = self.transaction(IdbTransactionMode::Readwrite)?;
        let done = completion_of(&tx);
        match fill(&tx, writes, meta, clear) {
            Ok(()) => Ok(done),
            Err(error) => {
                let _ = tx.abort();
                Err(text(&error))
            }
        }
    }

    /// Empties the store.
    ///
    /// # Errors
    /// What the browser says.
    pub async fn clear(&self) -> Result<(), String> {
        let tx = self.transaction(IdbTransactionMode::Readwrite)?;
        let done = completion_of(&tx);
        for store in [META, NAMES, BLOCKS] {
            tx.object_store(store).and_then(|s| s.clear()).map_err(|e| text(&e))?;
        }
        JsFuture::from(done).await.map_err(|e| text(&e))?;
        Ok(())
    }
}

fn fill(tx: &IdbTransaction, writes: Vec<Write>, meta: &Meta, clear: bool) -> Result<(), JsValue> {
    let (metas, names, blocks) = (tx.object_store(META)?, tx.object_store(NAMES)?, tx.object_store(BLOCKS)?);
    if clear {
        names.clear()?;
        blocks.clear()?;
    }
    let key = |name: &Name| JsValue::from(format!("{}\n{}", name.node, name.path));
    let pair = |a: f64, b: f64| Array::of2(&a.into(), &b.into());
    for write in writes {
        match write {
            Write::Name(name, record) => {
                names.put_with_key(&pair(record.id.into(), record.len as f64), &key(&name))?;
            }
            Write::RemoveName(name) => {
                names.delete(&key(&name))?;
            }
            Write::Block { id, block, bytes } => {
                blocks.put_with_key(&Uint8Array::from(bytes.as_slice()), &pair(id.into(), block.into()))?;
            }
            Write::RemoveBlocks { id, from } => {
                let (first, last) = (pair(id.into(), from.into()), pair(id.into(), f64::INFINITY));
                blocks.delete(&IdbKeyRange::bound(&first, &last)?.into())?;
            }
        }
    }
    let record = serde_wasm_bindgen::to_value(meta)?;
    metas.put_with_key(&record, &WORLD.into())?;
    Ok(())
}
