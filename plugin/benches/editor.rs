//! CPU cost of an editor frame with four hours of timeline, without a screen: layout, pictures and tessellation.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use egui::{Context, Event, RawInput, Rect, pos2, vec2};
use moodline::editor::EditorApp;
use moodline::instance::Instance;
use moodline_core::Probabilities;
use moodline_engine::live::SavedLearning;
use moodline_engine::timeline::{Timeline, Timelines};
use moodline_engine::{Model, State};
use serde_json::json;

/// Four hours at the shortest hop.
const N_ENTRIES: usize = 57_600;
const HOP_S: f64 = 0.25;

fn four_hours() -> Timeline {
    let mut timeline = Timeline::default();
    for index in 0..N_ENTRIES {
        let logits = [0.0, 1.0, 2.0, 3.0].map(|phase: f32| (index as f32 / 40.0 + phase).sin());
        let state = State::Speech(Probabilities::softmax(logits).expect("finite logits"));
        let start_s = index as f64 * HOP_S;
        timeline.insert_segment(start_s, start_s + 5.0, HOP_S, state);
    }
    timeline
}

/// One frame with the pointer at `x`, up to the triangles that a graphics card would receive.
fn frame(app: &mut EditorApp, ctx: &Context, x: f32) -> usize {
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(760.0, 460.0))),
        events: vec![Event::PointerMoved(pos2(x, 200.0))],
        ..RawInput::default()
    };
    let mut output = ctx.run_ui(input, |ui| app.show(ui, None));
    // Font textures for a graphics card that does not exist.
    output.textures_delta.clear();
    ctx.tessellate(output.shapes, 1.0).len()
}

fn editor(criterion: &mut Criterion) {
    let instance = Instance::default();
    let control = instance.control();
    let timelines = Timelines { host: four_hours(), stream: four_hours() };
    control.restore(timelines.clone());
    let mut app = EditorApp::new(instance.editor_parts());
    app.show_everything();
    let ctx = Context::default();
    frame(&mut app, &ctx, 10.0);

    let mut group = criterion.benchmark_group("editor/four_hours");
    let mut x = 10.0;
    group.bench_function("pointer_moves", |bencher| {
        bencher.iter(|| {
            x = if x > 700.0 { 10.0 } else { x + 1.0 };
            black_box(frame(&mut app, &ctx, x))
        });
    });
    group.bench_function("timeline_changes", |bencher| {
        bencher.iter_batched(
            || control.restore(timelines.clone()),
            |()| black_box(frame(&mut app, &ctx, 300.0)),
            criterion::BatchSize::PerIteration,
        );
    });
    // As above, with the voice learnt from the timeline.
    let learning = json!({ "model_fingerprint": Model::embedded().fingerprint(), "except_host": [], "except_stream": [] });
    let learning: SavedLearning = serde_json::from_value(learning).expect("what a session keeps");
    control.set_watched(true);
    while !instance.monitor().voice(instance.monitor().clock()).is_possible {
        thread::sleep(Duration::from_millis(10));
    }
    group.bench_function("timeline_changes_with_a_voice", |bencher| {
        bencher.iter_batched(
            || control.restore_learnt(timelines.clone(), Some(&learning)),
            |()| black_box(frame(&mut app, &ctx, 300.0)),
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, editor);
criterion_main!(benches);
