use std::sync::mpsc::{Sender, channel};
use std::thread;

use super::*;

/// Far longer than any operation takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Models whose reader blocks until the sender is dropped, and then returns the built-in one.
fn hanging() -> (Arc<Models>, Sender<()>) {
    let (release, held) = channel::<()>();
    let held = Mutex::new(held);
    let read = move |_: &Path, _| {
        let _ = held.lock().recv();
        Ok(Model::embedded())
    };
    (Arc::new(Models::new(Arc::new(Signal::new(Box::new(|| {}))), Box::new(read))), release)
}

#[test]
fn a_reader_that_hangs_is_given_up_and_believed_when_it_comes_back() {
    let (models, release) = hanging();
    models.need();
    models.choose(Some("model.onnx".into()), Asked::ByUser);
    assert!(matches!(models.state(), LoadState::Loading) && models.is_reading());
    let version = models.signal.version();
    models.slot.lock().started = Instant::now().checked_sub(DEADLINE).unwrap();
    let LoadState::Failed(sentence) = models.state() else { panic!("it is still waited for") };
    assert!(sentence.contains("model.onnx") && sentence.contains("10 seconds"), "{sentence}");
    assert!(models.signal.version() > version, "an editor is told");
    assert!(matches!(models.wait(|| true), Some(Err(_))));
    drop(release);
    let start = Instant::now();
    while !matches!(models.state(), LoadState::Ready(_)) {
        assert!(start.elapsed() < PATIENCE, "its model was not taken");
        thread::sleep(LOOK);
    }
}

#[test]
fn a_model_that_the_user_chose_in_vain_leaves_the_one_that_ran() {
    let read = |path: &Path, _| Err(format!("no model at {}", path.display()));
    let models = Arc::new(Models::new(Arc::new(Signal::new(Box::new(|| {}))), Box::new(read)));
    let settled = || {
        let start = Instant::now();
        models.wait(|| start.elapsed() < PATIENCE).unwrap().map(|model| model.id().to_owned())
    };
    models.need();
    let running = settled().unwrap();
    for name in ["first.onnx", "second.onnx"] {
        models.choose(Some(name.into()), Asked::ByUser);
        assert_eq!(settled(), Ok(running.clone()), "{name}");
        assert_eq!(models.refusal(), Some(format!("no model at {name}")));
    }
    models.choose(None, Asked::ByUser);
    assert_eq!((settled(), models.refusal()), (Ok(running), None));
    models.choose(Some("project.onnx".into()), Asked::ByProject);
    assert_eq!((settled(), models.refusal()), (Err("no model at project.onnx".to_owned()), None));
    models.choose(Some("third.onnx".into()), Asked::ByUser);
    assert_eq!((settled(), models.refusal()), (Err("no model at third.onnx".to_owned()), None), "none ran before");
}

#[test]
fn another_model_does_not_wait_for_a_reader_that_hangs() {
    let (models, _release) = hanging();
    models.need();
    models.choose(Some("model.onnx".into()), Asked::ByProject);
    models.choose(None, Asked::ByUser);
    assert!(!models.is_reading());
    let start = Instant::now();
    assert!(matches!(models.wait(|| start.elapsed() < PATIENCE), Some(Ok(_))));
}

#[test]
fn a_project_does_not_lead_to_another_machine_and_a_user_may() {
    let share = Path::new("//server/share/model.onnx");
    let sentence = read(share, Asked::ByProject).unwrap_err();
    assert!(sentence.contains("choose it again in Settings") && sentence.contains("//server/share/model.onnx"), "{sentence}");
    let sentence = read(share, Asked::ByUser).unwrap_err();
    assert!(sentence.contains("cannot read the model"), "{sentence}");
    let sentence = read(Path::new("/no such folder/model.onnx"), Asked::ByProject).unwrap_err();
    assert!(sentence.contains("cannot read the model"), "{sentence}");
}
