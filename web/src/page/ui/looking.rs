//! How a panel keeps looking at something: it asks again on every beat of the page, never twice at once, and shows the last answer.

use super::{Act, Done, Make, Once};
use std::rc::Rc;
use vitrine_web::look::{Look, Seen};
use vitrine_web::protocol::{Answer, ToWorker};
use yew::prelude::*;

/// What was seen last; nothing before the first answer.
pub type View = Option<Rc<Result<Seen, String>>>;

/// Asks once; the answer goes to `done`.
pub fn look_once(act: &Callback<Act>, look: Look, done: impl FnOnce(Result<Seen, String>) + 'static) {
    let make: Make = Box::new(move |id| ToWorker::Look { id, look });
    let done: Done = Box::new(move |answer| {
        done(match answer {
            Ok(Answer::Seen(seen)) => Ok(*seen),
            Ok(_) => Err("The answer is to another question.".into()),
            Err(why) => Err(why),
        });
    });
    act.emit(Act::Ask(Once::new(make), Once::new(done)));
}

/// Looks at something as long as the component is there: at once, when the question changes, and on every beat. A question
/// whose answer is on its way is asked again when that has come, for the beat may be the last one before time is held; an answer to
/// an older question is not shown.
#[hook]
pub fn use_look(look: Option<Look>, beat: u64, act: &Callback<Act>) -> View {
    let seen = use_state(|| None::<Rc<Result<Seen, String>>>);
    // The question that waits for its answer.
    let waiting = use_mut_ref(|| None::<Look>);
    let asked = use_mut_ref(|| None::<Look>);
    // The last beat that came while it waited, and the one that was made up for.
    let missed = use_mut_ref(|| None::<u64>);
    let again = use_state(|| 0);
    let act = act.clone();
    let state = seen.clone();
    use_effect_with((look, beat, *again), move |&(ref look, beat, _)| {
        let Some(look) = look.clone() else {
            *asked.borrow_mut() = None;
            state.set(None);
            return;
        };
        if waiting.borrow().as_ref() == Some(&look) {
            *missed.borrow_mut() = Some(beat);
            return;
        }
        *waiting.borrow_mut() = Some(look.clone());
        *asked.borrow_mut() = Some(look.clone());
        look_once(&act, look.clone(), move |result| {
            if waiting.borrow().as_ref() == Some(&look) {
                *waiting.borrow_mut() = None;
                if let Some(beat) = missed.take() {
                    again.set(beat);
                }
            }
            if asked.borrow().as_ref() == Some(&look) {
                state.set(Some(Rc::new(result)));
            }
        });
    });
    (*seen).clone()
}
