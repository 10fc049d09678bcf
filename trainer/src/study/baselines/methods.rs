//! The methods themselves, based on smartcore, and their hyper-parameter grids.

use std::fmt;
use std::sync::Arc;

use moodline_core::Emotion;
use rayon::prelude::*;
use smartcore::algorithm::neighbour::KNNAlgorithmName;
use smartcore::ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters};
use smartcore::error::Failed;
use smartcore::linalg::basic::arrays::Array as _;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use smartcore::neighbors::knn_classifier::{KNNClassifier, KNNClassifierParameters};
use smartcore::svm::Kernel;
use smartcore::svm::svc::{SVC, SVCParameters};

use super::Baseline;
use super::statistics::Table;

/// Trees per forest.
const TREES: u64 = 200;

/// Passes of the support vector machines over their clips; the library's default is two.
const SVM_PASSES: usize = 2;

/// The prediction for one clip.
type Answer = [f32; Emotion::COUNT];

/// The class that one voter assigns to each row of each table.
type Ballot = Vec<Vec<usize>>;

/// A method with its hyper-parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Settings {
    Forest {
        smallest_leaf: usize,
    },
    Logistic {
        penalty: f64,
    },
    /// Gaussian kernel if there is a gamma, otherwise linear.
    Svm {
        gamma: Option<f64>,
        c: f64,
    },
    Knn {
        k: usize,
    },
}

impl Settings {
    /// The hyper-parameter grid for tables of this width; empty for a network, which uses no tables.
    pub(super) fn of(baseline: Baseline, width: usize) -> Vec<Self> {
        // scikit-learn's `gamma="scale"` for columns of standard deviation 1.
        let gamma = Some(1.0 / width as f64);
        match baseline {
            Baseline::Forest => [1, 4].map(|smallest_leaf| Self::Forest { smallest_leaf }).to_vec(),
            Baseline::Logistic => [1.0, 10.0, 100.0].map(|penalty| Self::Logistic { penalty }).to_vec(),
            Baseline::SvmLinear => [0.001, 0.01, 0.1].map(|c| Self::Svm { gamma: None, c }).to_vec(),
            Baseline::SvmRbf => [0.3, 1.0, 3.0].map(|c| Self::Svm { gamma, c }).to_vec(),
            Baseline::Knn => [5, 11, 21, 41].map(|k| Self::Knn { k }).to_vec(),
            Baseline::CnnBilstm => Vec::new(),
        }
    }

    /// Fits on `train` and predicts each of the tables.
    pub(super) fn answer(&self, train: &Table, others: &[&Table], seed: u64) -> Result<Vec<Vec<Answer>>, Failed> {
        let x = matrix(train)?;
        let y: Vec<i32> = train.labels.iter().map(|&label| label as i32).collect();
        let tables: Vec<DenseMatrix<f64>> = others.iter().map(|table| matrix(table)).collect::<Result<_, _>>()?;
        match self {
            Self::Forest { smallest_leaf } => forest(&x, &y, &tables, *smallest_leaf, seed),
            Self::Logistic { penalty } => logistic(&x, &y, &tables, *penalty),
            Self::Svm { gamma, c } => svm(train, others, *gamma, *c, seed),
            Self::Knn { k } => knn(&x, &y, &tables, (*k).min(train.rows.len())),
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forest { smallest_leaf } => write!(f, "{TREES} trees, leaves of at least {smallest_leaf}"),
            Self::Logistic { penalty } => write!(f, "penalty {penalty}"),
            Self::Svm { gamma: Some(gamma), c } => write!(f, "C {c}, gamma {gamma:.5}"),
            Self::Svm { gamma: None, c } => write!(f, "C {c}"),
            Self::Knn { k } => write!(f, "k {k}"),
        }
    }
}

fn matrix(table: &Table) -> Result<DenseMatrix<f64>, Failed> {
    DenseMatrix::from_2d_vec(&table.rows)
}

/// The fraction of votes for each class.
fn shares(votes: &[Ballot], tables: &[DenseMatrix<f64>]) -> Vec<Vec<Answer>> {
    let of_table = |(index, table): (usize, &DenseMatrix<f64>)| {
        let mut counts = vec![[0_u16; Emotion::COUNT]; table.shape().0];
        for ballot in votes {
            counts.iter_mut().zip(&ballot[index]).for_each(|(counts, &class)| counts[class] += 1);
        }
        counts.into_iter().map(|counts| counts.map(|count| f32::from(count) / votes.len() as f32)).collect()
    };
    tables.iter().enumerate().map(of_table).collect()
}

/// Grows the trees individually, so that they can grow in parallel and their votes can be counted.
fn forest(
    x: &DenseMatrix<f64>,
    y: &Vec<i32>,
    tables: &[DenseMatrix<f64>],
    smallest_leaf: usize,
    seed: u64,
) -> Result<Vec<Vec<Answer>>, Failed> {
    let votes: Vec<Ballot> = (0..TREES)
        .into_par_iter()
        .map(|tree| {
            let parameters = RandomForestClassifierParameters::default()
                .with_n_trees(1)
                .with_min_samples_leaf(smallest_leaf)
                .with_seed(seed.wrapping_mul(TREES).wrapping_add(tree));
            let tree = RandomForestClassifier::fit(x, y, parameters)?;
            let class = |label: i32| label as usize;
            tables.iter().map(|table| Ok(tree.predict(table)?.into_iter().map(class).collect())).collect()
        })
        .collect::<Result<_, Failed>>()?;
    Ok(shares(&votes, tables))
}

fn logistic(x: &DenseMatrix<f64>, y: &Vec<i32>, tables: &[DenseMatrix<f64>], penalty: f64) -> Result<Vec<Vec<Answer>>, Failed> {
    let fitted = LogisticRegression::fit(x, y, LogisticRegressionParameters::default().with_alpha(penalty))?;
    let (coefficients, intercept) = (fitted.coefficients(), fitted.intercept());
    let answer = |table: &DenseMatrix<f64>, row: usize| {
        let logits: [f64; Emotion::COUNT] = std::array::from_fn(|class| {
            let products = (0..table.shape().1).map(|column| table.get((row, column)) * coefficients.get((class, column)));
            products.sum::<f64>() + intercept.get((class, 0))
        });
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let parts = logits.map(|logit| (logit - largest).exp());
        parts.map(|part| (part / parts.iter().sum::<f64>()) as f32)
    };
    Ok(tables.iter().map(|table| (0..table.shape().0).map(|row| answer(table, row)).collect()).collect())
}

/// A kernel of two rows that are identified by their numbers.
///
/// If given the rows themselves, the library copies them at every step and truncates rows that are longer than the number of clips.
#[derive(Debug)]
struct RowKernel {
    rows: Arc<Vec<Vec<f64>>>,
    /// Gaussian kernel if there is a gamma, otherwise linear.
    gamma: Option<f64>,
}

impl Kernel for RowKernel {
    fn apply(&self, first: &Vec<f64>, second: &Vec<f64>) -> Result<f64, Failed> {
        let pairs = self.rows[first[0] as usize].iter().zip(&self.rows[second[0] as usize]);
        Ok(match self.gamma {
            Some(gamma) => (-gamma * pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>()).exp(),
            None => pairs.map(|(a, b)| a * b).sum(),
        })
    }
}

/// One machine per pair of classes, each voting for one of the two.
///
/// The library's own combination counts votes in a hash map, whose order decides ties and differs from run to run.
fn svm(train: &Table, others: &[&Table], gamma: Option<f64>, c: f64, seed: u64) -> Result<Vec<Vec<Answer>>, Failed> {
    let mut rows = train.rows.clone();
    let numbers = |rows: std::ops::Range<usize>| DenseMatrix::from_2d_vec(&rows.map(|row| vec![row as f64]).collect());
    let mut tables: Vec<DenseMatrix<f64>> = Vec::with_capacity(others.len());
    for table in others {
        let first = rows.len();
        rows.extend_from_slice(&table.rows);
        tables.push(numbers(first..rows.len())?);
    }
    let rows = Arc::new(rows);
    let pairs: Vec<[usize; 2]> =
        (0..Emotion::COUNT).flat_map(|first| (first + 1..Emotion::COUNT).map(move |second| [first, second])).collect();
    let votes: Vec<Ballot> = pairs
        .par_iter()
        .map(|pair| {
            let parameters = SVCParameters::default()
                .with_epoch(SVM_PASSES)
                .with_c(c)
                .with_kernel(RowKernel { rows: Arc::clone(&rows), gamma })
                .with_seed(Some(seed));
            let of_pair = |(row, label): (usize, &usize)| pair.contains(label).then(|| (vec![row as f64], *label as i32));
            let (numbers, y): (Vec<Vec<f64>>, Vec<i32>) = train.labels.iter().enumerate().filter_map(of_pair).unzip();
            let x = DenseMatrix::from_2d_vec(&numbers)?;
            let machine = SVC::fit(&x, &y, &parameters)?;
            let vote = |value: f64| if value > 0.0 { pair[1] } else { pair[0] };
            tables.iter().map(|table| Ok(machine.decision_function(table)?.into_iter().map(vote).collect())).collect()
        })
        .collect::<Result<_, Failed>>()?;
    Ok(shares(&votes, &tables))
}

fn knn(x: &DenseMatrix<f64>, y: &Vec<i32>, tables: &[DenseMatrix<f64>], k: usize) -> Result<Vec<Vec<Answer>>, Failed> {
    let parameters = KNNClassifierParameters::default().with_k(k).with_algorithm(KNNAlgorithmName::LinearSearch);
    let fitted = KNNClassifier::fit(x, y, parameters)?;
    let answer = |row: Vec<f64>| -> Answer { std::array::from_fn(|class| row[class] as f32) };
    tables.iter().map(|table| Ok(fitted.predict_proba(table)?.into_iter().map(answer).collect())).collect()
}
