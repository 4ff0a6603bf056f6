//! How messages cross between the page and its worker: as bytes (postcard), in a buffer that is handed over.
//!
//! As JavaScript objects they would cost a call into the browser for each field of each node in each frame, and much more code to read: a
//! field would be looked for by its name. Both ends are one program, so the bytes need no version. A plain string comes from a
//! worker that could not load its program (static/engine.js).

use crate::protocol::FromWorker;
use js_sys::{ArrayBuffer, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

/// A message as bytes.
///
/// # Errors
/// None for the types of the [protocol](crate::protocol), all of which know their lengths.
pub fn to_bytes(message: &impl Serialize) -> Result<Vec<u8>, String> {
    postcard::to_allocvec(message).map_err(|error| error.to_string())
}

/// A message out of bytes.
///
/// # Errors
/// Why these are not the bytes of one.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(format!("{} bytes stand behind the message", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}

/// A message as the buffer to post, and to hand over.
///
/// # Errors
/// As [`to_bytes`].
pub fn buffer(message: &impl Serialize) -> Result<ArrayBuffer, String> {
    Ok(Uint8Array::from(&to_bytes(message)?[..]).buffer())
}

/// What was posted to the worker.
///
/// # Errors
/// Why it is no message.
pub fn received<T: DeserializeOwned>(data: &JsValue) -> Result<T, String> {
    let buffer = data.dyn_ref::<ArrayBuffer>().ok_or("it is no buffer")?;
    from_bytes(&Uint8Array::new(buffer).to_vec())
}

/// What was posted to the page.
///
/// # Errors
/// Why it is no message.
pub fn heard(data: &JsValue) -> Result<FromWorker, String> {
    match data.as_string() {
        Some(cause) => Ok(FromWorker::Fatal { cause }),
        None => received(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Answer, Reply, ToWorker};

    #[test]
    fn a_message_comes_back_as_it_went() {
        let list = Reply::List(vec![Reply::Null, Reply::Integer(-7), Reply::Bytes(vec![0, 255].into())]);
        let answer = FromWorker::Answer { id: 9, result: Ok(Answer::Reply(list)) };
        assert_eq!(from_bytes(&to_bytes(&answer).unwrap()), Ok(answer));
        let line = ToWorker::Line { id: 1, line: "crash A1".into() };
        assert_eq!(from_bytes(&to_bytes(&line).unwrap()), Ok(line));
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let bytes = to_bytes(&ToWorker::Line { id: 1, line: "crash A1".into() }).unwrap();
        assert!(from_bytes::<ToWorker>(&bytes[..bytes.len() - 1]).is_err());
        assert!(from_bytes::<ToWorker>(&[&bytes[..], &[0]].concat()).is_err());
        assert!(from_bytes::<ToWorker>(&[255; 4]).is_err());
        // A length that the bytes cannot hold asks for no memory.
        assert!(from_bytes::<FromWorker>(&[1, 255, 255, 255, 255, 15]).is_err());
    }
}
