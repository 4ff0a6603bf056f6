//! The page: draws what the worker says, and hands on what the visitor does.
//!
//! It holds no state of the cluster but the last one it was told. One component, [`app::App`], owns everything and
//! passes shared, never-changing snapshots down; the components below it are functions of what they are given, so that a
//! display frame in which only the clock moved redraws only the clock and the marks.

mod api;
mod app;
mod link;
mod shared;
mod tape;
mod ui;

/// Draws the page, for as long as it is open.
pub fn run() {
    std::panic::set_hook(Box::new(|info| {
        // A panic ends this program; what it says goes to the page by plain DOM calls, since nothing else is sure to work.
        link::say_page_died(&info.to_string());
    }));
    let root = link::document().get_element_by_id("page").expect("index.html has #page");
    root.set_inner_html("");
    yew::Renderer::<app::App>::with_root(root).render();
}
