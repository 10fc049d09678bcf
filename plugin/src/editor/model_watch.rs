//! Reports the outcome of a requested model once. Pure, no screen.

use std::path::PathBuf;

use moodline_engine::live::{ModelState, Status};

/// The model that the user chose, until its outcome is known, and the problem that was reported last.
#[derive(Default)]
pub(crate) struct ModelWatch {
    chosen: Option<PathBuf>,
    told: Option<String>,
}

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ModelNews {
    /// The file that the user chose is in use.
    Taken(PathBuf),
    /// The requested model cannot be used; one sentence that says why, and which model runs instead.
    Refused(String),
}

impl ModelWatch {
    /// The user chose the file at `path`.
    pub(crate) fn choose(&mut self, path: PathBuf) {
        *self = Self { chosen: Some(path), told: None };
    }

    /// The user chose the built-in model.
    pub(crate) fn choose_built_in(&mut self) {
        *self = Self::default();
    }

    /// The latest news; `refusal` says why the user's choice does not run.
    pub(crate) fn look(&mut self, status: &Status, refusal: Option<String>) -> Option<ModelNews> {
        let sentence = match (&status.model, refusal) {
            (ModelState::Loading, _) => return None,
            (ModelState::Ready { .. }, None) => {
                self.told = None;
                return self.chosen.take().map(ModelNews::Taken);
            }
            (ModelState::Ready { id, .. }, Some(reason)) => format!("{reason}. {id} keeps running."),
            (ModelState::Failed(reason), _) => format!("{reason}. No model runs."),
        };
        self.chosen = None;
        let is_new = self.told.as_ref() != Some(&sentence);
        is_new.then(|| ModelNews::Refused(self.told.insert(sentence).clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::headline::tests::{ready, status};
    use super::*;

    #[test]
    fn each_piece_of_news_is_told_once() {
        let mut watch = ModelWatch::default();
        let (loading, ready) = (status(ModelState::Loading, None), status(ready(), None));
        assert_eq!(watch.look(&ready, None), None, "nobody chose anything");
        watch.choose("good.onnx".into());
        assert_eq!(watch.look(&loading, None), None);
        assert_eq!(watch.look(&ready, None), Some(ModelNews::Taken("good.onnx".into())));
        assert_eq!(watch.look(&ready, None), None);
        for _ in 0..2 {
            watch.choose("bad.onnx".into());
            assert_eq!(
                watch.look(&ready, Some("it is bad".to_owned())),
                Some(ModelNews::Refused("it is bad. a keeps running.".to_owned()))
            );
            assert_eq!(watch.look(&ready, Some("it is bad".to_owned())), None);
        }
        let failed = status(ModelState::Failed("it is gone".to_owned()), None);
        assert_eq!(watch.look(&failed, None), Some(ModelNews::Refused("it is gone. No model runs.".to_owned())));
        assert_eq!(watch.look(&failed, None), None);
    }
}
