//! Native file dialogs, which never block the window: each waits on its own thread.
//!
//! In: a question. Out: the user's answer, to be collected in a later frame.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use moodline_engine::decode::EXTENSIONS;
use moodline_engine::live::stay_in_memory;
use moodline_engine::voice;
use nice_plug_egui::RepaintNotifier;
use rfd::AsyncFileDialog;

use super::export_menu::ExportChoice;

/// A dialog that ends sooner without an answer was never visible.
const TOO_QUICK: Duration = Duration::from_millis(400);
/// Extension of model files.
pub(crate) const MODEL_ENDING: &str = "onnx";

/// The questions a dialog can ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question {
    /// An audio file to analyse.
    Audio,
    /// A model file.
    Model,
    /// A voice file to use.
    Voice,
    /// Where to save the voice.
    SaveVoice,
    /// The folder for exports.
    ExportFolder,
    /// Where to write results.
    SaveAs(ExportChoice),
}

/// The outcome of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The user chose this path.
    Chosen(PathBuf),
    /// The user cancelled.
    Cancelled,
    /// This system cannot show dialogs.
    NoDialog,
}

/// The open dialog, if any; there is at most one.
pub(crate) struct Dialogs {
    sender: Sender<(Question, Answer)>,
    receiver: Receiver<(Question, Answer)>,
    is_open: bool,
    notifier: RepaintNotifier,
}

impl Dialogs {
    pub(crate) fn new(notifier: RepaintNotifier) -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, is_open: false, notifier }
    }

    /// Opens the dialog for `question`, starting in `folder` with `name`, unless one is open. Must be called on the window's thread, where some systems
    /// require dialogs to be created.
    pub(crate) fn ask(&mut self, question: Question, folder: Option<&Path>, name: &str) {
        if self.is_open {
            return;
        }
        let dialog = folder.into_iter().fold(AsyncFileDialog::new(), AsyncFileDialog::set_directory);
        let answer = open(dialog, question, name);
        let (sender, notifier) = (self.sender.clone(), self.notifier.clone());
        let wait = move || {
            let start = Instant::now();
            let answer = match block_on(answer) {
                Some(path) => Answer::Chosen(path),
                None if start.elapsed() < TOO_QUICK => Answer::NoDialog,
                None => Answer::Cancelled,
            };
            // A closed editor needs no answer.
            if sender.send((question, answer)).is_ok() {
                notifier.request_repaint();
            }
        };
        self.is_open = thread::Builder::new().name("moodline-dialog".to_owned()).spawn(wait).is_ok();
    }

    /// The answer received since the last call.
    pub(crate) fn take(&mut self) -> Option<(Question, Answer)> {
        let answer = self.receiver.try_recv().ok()?;
        self.is_open = false;
        Some(answer)
    }
}

impl Drop for Dialogs {
    fn drop(&mut self) {
        if self.is_open {
            // Its thread waits for the user, and may come back to this code after a host has unloaded the plugin.
            stay_in_memory();
        }
    }
}

type FutureAnswer = std::pin::Pin<Box<dyn Future<Output = Option<PathBuf>> + Send>>;

fn open(dialog: AsyncFileDialog, question: Question, name: &str) -> FutureAnswer {
    match question {
        Question::Audio => {
            let dialog = dialog.set_title("Open an audio file").add_filter("Audio", &EXTENSIONS).add_filter("All files", &["*"]);
            path_of(dialog.pick_file())
        }
        Question::Model => path_of(dialog.set_title("Choose a model").add_filter("Moodline model", &[MODEL_ENDING]).pick_file()),
        Question::Voice => path_of(of_voices(dialog).set_title("Choose a voice").pick_file()),
        Question::SaveVoice => path_of(of_voices(dialog).set_title("Keep the voice").set_file_name(name).save_file()),
        Question::ExportFolder => path_of(dialog.set_title("Folder for exports").pick_folder()),
        Question::SaveAs(ExportChoice { format, .. }) => {
            let dialog = dialog.set_title("Save the results").set_file_name(name);
            path_of(dialog.add_filter(format.name(), &[format.extension()]).save_file())
        }
    }
}

fn of_voices(dialog: AsyncFileDialog) -> AsyncFileDialog {
    dialog.add_filter("Moodline voice", &[voice::EXTENSION])
}

fn path_of(handle: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static) -> FutureAnswer {
    Box::pin(async { handle.await.map(|handle| handle.path().to_owned()) })
}

/// Wakes a thread that is blocked on a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_when_another_thread_answers() {
        let (sender, receiver) = channel();
        let mut waker: Option<Waker> = None;
        let answer = std::future::poll_fn(move |context| match receiver.try_recv() {
            Ok(answer) => Poll::Ready(answer),
            Err(_) => {
                if waker.replace(context.waker().clone()).is_none() {
                    let (sender, waker) = (sender.clone(), context.waker().clone());
                    thread::spawn(move || {
                        thread::sleep(Duration::from_millis(20));
                        sender.send(7).unwrap();
                        waker.wake();
                    });
                }
                Poll::Pending
            }
        });
        assert_eq!(block_on(answer), 7);
    }
}
