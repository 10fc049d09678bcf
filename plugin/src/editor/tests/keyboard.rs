//! The keyboard: which element has the focus, and what keys do.

use super::*;

#[test]
fn a_popup_takes_the_focus_keeps_it_and_gives_it_back() {
    let mut bench = Bench::new(MIN_SIZE);
    let focused = |bench: &Bench| bench.ctx.memory(|memory| memory.focused());
    bench.click(EXPORT_IN_THE_SMALLEST);
    bench.settle();
    let first = focused(&bench).expect("the popup has the focus");
    let mut seen = vec![first];
    for _ in 0..60 {
        bench.press(Key::Tab, Modifiers::NONE);
        seen.extend(focused(&bench).filter(|id| *id != first));
    }
    let places: Vec<_> = seen.iter().filter_map(|id| bench.ctx.read_response(*id)).map(|response| response.layer_id).collect();
    assert!(places.len() > 20 && places.iter().all(|layer| *layer == places[0]), "Tab stays in the popup");
    assert!(bench.says("Audacity labels"));
    bench.press(Key::Escape, Modifiers::NONE);
    assert!(!bench.says("Audacity labels"));
    // Space opens it again: the button has the focus.
    bench.press(Key::Space, Modifiers::NONE);
    assert!(bench.says("Audacity labels"));
    // The keyboard can select entries as well.
    bench.press(Key::ArrowDown, Modifiers::NONE);
    bench.press(Key::Space, Modifiers::NONE);
    assert_eq!(bench.app.export.format, Format::Json);
}

#[test]
fn keys_do_what_they_do_in_a_timeline() {
    let mut bench = Bench::new(SIZES[2]);
    let none = Modifiers::NONE;
    bench.app.show_everything();
    bench.press(Key::Plus, none);
    bench.press(Key::Plus, none);
    let zoomed = bench.app.body.view;
    assert!(zoomed.span_s < 50.0);
    bench.press(Key::ArrowRight, none);
    assert!((bench.app.body.view.start_s - zoomed.start_s - 0.1 * zoomed.span_s).abs() < 1e-6);
    bench.press(Key::ArrowLeft, none);
    bench.press(Key::ArrowLeft, Modifiers::SHIFT);
    assert!((bench.app.body.view.start_s - zoomed.start_s + 0.9 * zoomed.span_s).abs() < 1e-6);
    bench.press(Key::End, none);
    assert!(bench.app.body.view.end_s() >= 100.0);
    bench.press(Key::Home, none);
    assert_eq!(bench.app.body.view.start_s, 0.0);
    bench.press(Key::Minus, none);
    assert!(bench.app.body.view.span_s > 50.0);
    bench.press(Key::Plus, Modifiers::CTRL);
    assert!(bench.app.body.view.span_s > 50.0, "Ctrl is somebody else's");

    bench.app.panel = Some(Panel::About);
    bench.app.messages.say("A message");
    bench.press(Key::Escape, none);
    assert!(!bench.says("A message") && bench.app.panel.is_some());
    bench.press(Key::Escape, none);
    assert_eq!(bench.app.panel, None);
}
