//! What was found and what is asked for, for everybody but the audio thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Settings;
use super::file_lane::{FileJobs, FileLane};
use super::models::{Asked, Loaded, Models, Read};
use super::signal::Signal;
use super::status::{Board, Level, ModelState, Status};
use crate::timeline::{Clock, Timeline, Timelines};

/// Tells what the user has set.
pub(super) type ReadSettings = dyn Fn() -> Settings + Send + Sync;

/// Longest time for which closing waits for threads that read files.
const CLOSING: Duration = Duration::from_millis(10);

/// Longest time for which anybody waits for a worker that has no model yet.
const WITHOUT_MODEL: Duration = Duration::from_millis(20);

/// The editor's and the session's end of a live analysis: what was found, and what is asked for.
///
/// Shared by all threads but the audio thread, which never touches it. What is read here is a moment's view; [`Monitor::version`] tells
/// whether another look is worth while.
pub struct Monitor {
    settings: Box<ReadSettings>,
    signal: Arc<Signal>,
    tape: Mutex<Tape>,
    board: Mutex<Board>,
    models: Arc<Models>,
    files: FileJobs,
    watched: AtomicBool,
    closed: AtomicBool,
    rounds: Rounds,
}

/// What is recorded.
#[derive(Default)]
struct Tape {
    timelines: Timelines,
    /// Raised when everything is replaced: what a run before that still finds does not belong here.
    epoch: u64,
    /// Raised with every change.
    version: u64,
}

/// Lets others wait for the worker: they take a ticket, and the worker says which ones it has served.
#[derive(Default)]
struct Rounds {
    tickets: Mutex<Tickets>,
    served: Condvar,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Tickets {
    n_asked: u64,
    n_served: u64,
}

impl Tickets {
    /// Whether somebody waits.
    pub(super) const fn are_open(self) -> bool {
        self.n_asked > self.n_served
    }
}

impl Monitor {
    pub(super) fn new(settings: Box<ReadSettings>, notify: Box<dyn Fn() + Send + Sync>, read_model: Box<Read>) -> Self {
        let signal = Arc::new(Signal::new(notify));
        Self {
            settings,
            models: Arc::new(Models::new(Arc::clone(&signal), read_model)),
            signal,
            tape: Mutex::default(),
            board: Mutex::default(),
            files: FileJobs::default(),
            watched: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            rounds: Rounds::default(),
        }
    }

    /// A number that is raised whenever anything below has changed.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.signal.version()
    }

    /// A number that is raised whenever one of the timelines has changed, which is much rarer than other news.
    #[must_use]
    pub fn timeline_version(&self) -> u64 {
        self.tape.lock().version
    }

    /// Reads the timeline on `clock`. The worker waits meanwhile: be quick, and call nothing else here.
    pub fn with_timeline<R>(&self, clock: Clock, read: impl FnOnce(&Timeline) -> R) -> R {
        read(self.tape.lock().timelines.on(clock))
    }

    /// The clock of the current or last run that was recorded.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.board.lock().clock
    }

    /// Replaces everything recorded by what a session saved. The stream's clock goes on where that ends.
    pub fn restore(&self, timelines: Timelines) {
        let mut tape = self.tape.lock();
        tape.timelines = timelines;
        tape.epoch += 1;
        tape.version += 1;
        drop(tape);
        self.post(|board| {
            board.latest = None;
            board.playhead = None;
            board.dropped_frames = 0;
        });
        self.signal.wake_worker();
    }

    /// A copy of everything recorded, for saving.
    #[must_use]
    pub fn timelines(&self) -> Timelines {
        self.tape.lock().timelines.clone()
    }

    /// Forgets everything recorded; the stream's clock starts at 0 again.
    pub fn clear(&self) {
        self.restore(Timelines::default());
    }

    /// How the analysis stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let model = match self.models.loaded() {
            Loaded::NotYet | Loaded::Loading => ModelState::Loading,
            Loaded::Failed(sentence) => ModelState::Failed(sentence),
            Loaded::Ready(model) => ModelState::Ready { id: model.id().to_owned(), fingerprint: model.fingerprint().to_owned() },
        };
        self.board.lock().status(model)
    }

    /// Level of the audio heard last.
    #[must_use]
    pub fn level(&self) -> Level {
        self.board.lock().level
    }

    /// Position of the newest audio heard, seconds on [`Monitor::clock`]; none before any.
    #[must_use]
    pub fn playhead(&self) -> Option<f64> {
        self.board.lock().playhead
    }

    /// Asks for the model at `path`, or the built-in one; `asked` says who does. It loads in the background, once there is audio, an editor or a
    /// file to analyse; until then nothing is read.
    pub fn use_model(&self, path: Option<PathBuf>, asked: Asked) {
        self.models.choose(path, asked);
    }

    /// Says whether an editor is open: the worker looks more often then, for the level.
    pub fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
        if watched {
            self.models.need();
            self.signal.wake_worker();
        }
    }

    /// Analyses the file at `path` into the second lane, instead of the one before.
    pub fn analyse_file(&self, path: PathBuf) {
        self.models.need();
        let setup = (self.settings)();
        self.files.start(path, setup, &self.models, &self.signal);
    }

    /// Stops the analysis of the file; what was found so far stays.
    pub fn cancel_file(&self) {
        self.files.cancel();
        self.signal.changed();
    }

    /// Empties the second lane.
    pub fn close_file(&self) {
        self.files.close();
        self.signal.changed();
    }

    /// The second lane, if there is one.
    #[must_use]
    pub fn file(&self) -> Option<FileLane> {
        self.files.lane()
    }

    /// Waits until everything pushed before was taken up and answered for, also what does not fill a block, `at_most` so long; returns whether it
    /// was. While a model file is being read, which may take for ever, it waits 20 ms at most. For saving and tests, never for the audio thread.
    pub fn settle(&self, at_most: Duration) -> bool {
        if !self.signal.has_worker() {
            return true;
        }
        let start = Instant::now();
        let mut tickets = self.rounds.tickets.lock();
        tickets.n_asked += 1;
        let ticket = tickets.n_asked;
        self.signal.wake_worker();
        while tickets.n_served < ticket && !self.is_closed() {
            let limit = if self.models.is_reading() { at_most.min(WITHOUT_MODEL) } else { at_most };
            if start.elapsed() >= limit {
                break;
            }
            // A model that is asked for meanwhile must be noticed.
            let look = start.elapsed() + WITHOUT_MODEL;
            self.rounds.served.wait_until(&mut tickets, start + limit.min(look));
        }
        tickets.n_served >= ticket
    }
}

/// The worker's side.
impl Monitor {
    pub(super) fn settings(&self) -> Settings {
        (self.settings)()
    }

    pub(super) fn models(&self) -> &Arc<Models> {
        &self.models
    }

    pub(super) fn signal(&self) -> &Signal {
        &self.signal
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Everything ends: `Live` is being dropped.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.signal.wake_worker();
        let deadline = Instant::now() + CLOSING;
        self.files.cancel();
        self.models.interrupt();
        self.files.shut_down(deadline);
        self.models.close(deadline);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The epoch of the recording, and where the stream's timeline ends, seconds.
    pub(super) fn epoch(&self) -> (u64, f64) {
        let tape = self.tape.lock();
        (tape.epoch, tape.timelines.stream.bounds().map_or(0.0, |(_, end_s)| end_s.max(0.0)))
    }

    /// Records on the timeline of `clock`, unless it was replaced since `epoch`.
    pub(super) fn record(&self, epoch: u64, clock: Clock, write: impl FnOnce(&mut Timeline)) {
        let mut tape = self.tape.lock();
        if tape.epoch == epoch {
            write(tape.timelines.on_mut(clock));
            tape.version += 1;
            drop(tape);
            self.signal.changed();
        }
    }

    /// Writes up something that has changed.
    pub(super) fn post(&self, write: impl FnOnce(&mut Board)) {
        write(&mut self.board.lock());
        self.signal.changed();
    }

    /// Level and position, which change all the time: written up when somebody could see the difference.
    pub(super) fn post_progress(&self, level: Level, playhead: Option<f64>) {
        const VISIBLE_DB: f32 = 0.1;
        let mut board = self.board.lock();
        let moved =
            (board.level.peak_db - level.peak_db).abs() >= VISIBLE_DB || (board.level.rms_db - level.rms_db).abs() >= VISIBLE_DB;
        let silent = level == Level::SILENCE && board.level != level;
        if moved || silent || (playhead.is_some() && playhead != board.playhead) {
            board.level = level;
            board.playhead = playhead.or(board.playhead);
            drop(board);
            self.signal.changed();
        }
    }

    /// The tickets taken so far; what was pushed before they were taken is there now.
    pub(super) fn tickets(&self) -> Tickets {
        *self.rounds.tickets.lock()
    }

    /// Everything that was there when `tickets` had been taken was taken up.
    pub(super) fn serve(&self, tickets: Tickets) {
        self.rounds.tickets.lock().n_served = tickets.n_asked;
        self.rounds.served.notify_all();
    }
}
