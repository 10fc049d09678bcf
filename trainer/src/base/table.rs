//! Rows of text under a header: the numbers of a figure, a list of runs; as CSV, or aligned for reading.

/// Rows of cells under a header; every row has as many cells as the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Cells; an empty one is a value that does not exist.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new<S: Into<String>>(header: impl IntoIterator<Item = S>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If the number of cells differs from the header.
    pub fn push<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let row: Vec<String> = cells.into_iter().map(Into::into).collect();
        assert_eq!(row.len(), self.header.len(), "a row of '{}' has as many cells as the header", self.header.join(","));
        self.rows.push(row);
    }

    /// Which columns contain only numbers and should therefore be right-aligned.
    #[must_use]
    pub fn right_aligned(&self) -> Vec<bool> {
        let is_number = |cell: &String| cell.is_empty() || cell.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c));
        (0..self.header.len()).map(|column| self.rows.iter().all(|row| is_number(&row[column]))).collect()
    }

    /// As text with aligned columns and a newline after each row; columns of numbers are right-aligned.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = || std::iter::once(&self.header).chain(&self.rows);
        let n_columns = self.header.len();
        let width = |column: usize| lines().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..n_columns).map(width).collect();
        let right = self.right_aligned();
        let mut text = String::new();
        for row in lines() {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&widths).zip(&right) {
                let padding = " ".repeat(width - cell.chars().count());
                line += &if right { format!("{padding}{cell}  ") } else { format!("{cell}{padding}  ") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// As a Markdown table; columns of numbers are right-aligned.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "))
        };
        let rules: Vec<String> =
            self.right_aligned().iter().map(|right| if *right { "---:" } else { "---" }.to_owned()).collect();
        std::iter::once(&self.header).chain([&rules]).chain(&self.rows).map(|row| line(row)).collect()
    }

    /// As CSV (RFC 4180 with line feeds).
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.header).chain(&self.rows) {
            // INVARIANT: writing to memory cannot fail, and every row has as many cells as the header.
            writer.write_record(row).expect("a row as long as the header");
        }
        // INVARIANT: the cells are text, and writing to memory cannot fail.
        String::from_utf8(writer.into_inner().expect("memory takes all of it")).expect("text")
    }
}

/// A number between 0 and 1, or any other for which four decimals are useful; empty for none.
pub(crate) fn number(value: impl Into<Option<f64>>) -> String {
    value.into().map_or_else(String::new, |value| format!("{value:.4}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_csv_is_quoted() {
        let mut table = Table::new(["name", "n"]);
        table.push(["a, \"b\"", "7"]);
        table.push(["é", "12"]);
        assert_eq!(table.to_text(), "name     n\na, \"b\"   7\né       12\n");
        assert_eq!(table.to_markdown(), "| name | n |\n| --- | ---: |\n| a, \"b\" | 7 |\n| é | 12 |\n");
        assert_eq!(table.to_csv(), "name,n\n\"a, \"\"b\"\"\",7\né,12\n");
    }
}
