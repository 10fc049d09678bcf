//! Named arrays of numbers: the parameters that are trained, and the weights of a model file.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

/// Names and shapes of the tensors of one layer, in file order; names are those within the layer.
pub(crate) type Shapes = Vec<(&'static str, Vec<usize>)>;

/// A named array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<T> {
    /// Unique among its [`Tensors`].
    pub name: String,
    /// One or two dimensions.
    pub shape: Vec<usize>,
    /// As many values as the shape requires.
    pub values: Vec<T>,
}

/// Named arrays in the order of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensors<T>(Vec<Tensor<T>>);

impl<T: Clone> Tensors<T> {
    /// Arrays of these shapes, filled with `value`.
    #[must_use]
    pub fn filled(shapes: Vec<(String, Vec<usize>)>, value: &T) -> Self {
        let tensor = |(name, shape): (String, Vec<usize>)| {
            let values = vec![value.clone(); shape.iter().product()];
            Tensor { name, shape, values }
        };
        Self(shapes.into_iter().map(tensor).collect())
    }

    /// Applies `f` to every value.
    #[must_use]
    pub fn map<U>(&self, f: impl Fn(T) -> U + Copy) -> Tensors<U> {
        let tensor = |Tensor { name, shape, values }: &Tensor<T>| Tensor {
            name: name.clone(),
            shape: shape.clone(),
            values: values.iter().cloned().map(f).collect(),
        };
        Tensors(self.0.iter().map(tensor).collect())
    }
}

impl<T> Tensors<T> {
    /// Creates a collection of these arrays.
    ///
    /// # Panics
    /// When an array does not have as many values as its shape, or two have the same name.
    #[must_use]
    pub fn new(tensors: Vec<Tensor<T>>) -> Self {
        for (index, Tensor { name, shape, values }) in tensors.iter().enumerate() {
            assert_eq!(shape.iter().product::<usize>(), values.len(), "{name} has as many values as its shape");
            assert!(tensors[..index].iter().all(|before| before.name != *name), "{name} occurs once");
        }
        Self(tensors)
    }

    /// Names and shapes, as [`Tensors::filled`] takes them.
    #[must_use]
    pub fn shapes(&self) -> Vec<(String, Vec<usize>)> {
        self.0.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone())).collect()
    }

    /// Number of values over all arrays.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|tensor| tensor.values.len()).sum()
    }

    /// All arrays.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor<T>> {
        self.0.iter()
    }

    /// All arrays, mutable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tensor<T>> {
        self.0.iter_mut()
    }

    /// The array of this name.
    ///
    /// # Panics
    /// When there is none: names and shapes follow from the network, so asking tensors of another network is a programming error.
    #[must_use]
    pub fn get(&self, name: &str) -> &Tensor<T> {
        self.0.iter().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("there is a tensor '{name}'"))
    }

    /// The array of this name, mutable.
    ///
    /// # Panics
    /// As [`Tensors::get`].
    #[must_use]
    pub fn get_mut(&mut self, name: &str) -> &mut Tensor<T> {
        self.0.iter_mut().find(|tensor| tensor.name == name).unwrap_or_else(|| panic!("there is a tensor '{name}'"))
    }

    /// A vector.
    ///
    /// # Panics
    /// When there is no such array or it is not a vector.
    #[must_use]
    pub fn vector(&self, name: &str) -> ArrayView1<'_, T> {
        let tensor = self.get(name);
        assert_eq!(tensor.shape.len(), 1, "{name} is a vector");
        ArrayView1::from(&tensor.values)
    }

    /// A matrix.
    ///
    /// # Panics
    /// When there is no such array or it is not a matrix.
    #[must_use]
    pub fn matrix(&self, name: &str) -> ArrayView2<'_, T> {
        let tensor = self.get(name);
        assert_eq!(tensor.shape.len(), 2, "{name} is a matrix");
        // INVARIANT: an array has as many values as its shape.
        ArrayView2::from_shape((tensor.shape[0], tensor.shape[1]), &tensor.values).expect("a whole matrix")
    }

    /// A vector, mutable.
    ///
    /// # Panics
    /// As [`Tensors::vector`].
    #[must_use]
    pub fn vector_mut(&mut self, name: &str) -> ArrayViewMut1<'_, T> {
        let tensor = self.get_mut(name);
        assert_eq!(tensor.shape.len(), 1, "{name} is a vector");
        ArrayViewMut1::from(&mut tensor.values)
    }

    /// A matrix, mutable.
    ///
    /// # Panics
    /// As [`Tensors::matrix`].
    #[must_use]
    pub fn matrix_mut(&mut self, name: &str) -> ArrayViewMut2<'_, T> {
        let tensor = self.get_mut(name);
        assert_eq!(tensor.shape.len(), 2, "{name} is a matrix");
        // INVARIANT: an array has as many values as its shape.
        ArrayViewMut2::from_shape((tensor.shape[0], tensor.shape[1]), &mut tensor.values).expect("a whole matrix")
    }
}
