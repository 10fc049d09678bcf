//! Horizontal bar charts: for each item a bar from 0, its interval, and its value.

use moodline_core::Emotion;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{
    Area, DrawResult, Field, Figure, GRID, INK, MUTED, SMALL, TEXT, TITLE, XScale, dashed, fitted, range_of, style, text_width,
    ticks,
};
use crate::base::table::{Table, number};

const WIDTH: i32 = 940;
const TOP: i32 = 72;
const ROW: i32 = 24;
const GROUP: i32 = 28;
const BOTTOM: i32 = 52;
const WIDEST_LABEL: i32 = 330;
const WIDEST_NOTE: i32 = 190;

/// Horizontal bars with intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Bars {
    /// Title.
    pub title: String,
    /// Origin of the intervals, or another sentence under the title.
    pub subtitle: String,
    /// Name and unit of the values.
    pub x_label: String,
    /// From top to bottom; adjacent bars of a group are shown under its name.
    pub bars: Vec<Bar>,
    /// What the bars are compared with.
    pub reference: Option<Reference>,
}

/// A dashed line to compare bars with.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// A value, and its name.
    At(f64, String),
    /// In each group its first bar.
    FirstOfGroup,
}

impl Reference {
    /// The UAR of guessing: one in as many emotions as there are.
    #[must_use]
    pub fn chance() -> Self {
        Self::At(1.0 / Emotion::COUNT as f64, "chance".to_owned())
    }
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Heading above adjacent bars; may be empty.
    pub group: String,
    /// Label.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// Lower and upper end of the interval.
    pub interval: Option<[f64; 2]>,
    /// Note beside the value, such as the number of utterances.
    pub note: String,
    /// Its colour.
    pub colour: RGBColor,
}

/// The note for a value over `n` utterances, which says why its interval is missing.
pub(crate) fn counted(n: u64, interval: Option<[f64; 2]>) -> String {
    format!("n = {n}{}", if interval.is_none() { ", one speaker" } else { "" })
}

impl Bars {
    /// Whether bar `index` is the first of its group and the group has a name.
    fn opens_group(&self, index: usize) -> bool {
        let group = &self.bars[index].group;
        !group.is_empty() && (index == 0 || self.bars[index - 1].group != *group)
    }

    fn height(&self) -> i32 {
        let groups = (0..self.bars.len()).filter(|&index| self.opens_group(index)).count() as i32;
        self.bars.len() as i32 * ROW + groups * GROUP
    }

    /// Width of the widest of these texts, up to a limit, px.
    fn widest<'a>(texts: impl Iterator<Item = &'a str>, most: i32) -> i32 {
        texts.map(|text| text_width(text, TEXT)).max().unwrap_or(0).min(most)
    }
}

impl Figure for Bars {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (WIDTH as u32, (TOP + self.height() + BOTTOM) as u32)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(["group", "name", &self.x_label, "low", "high", "note"]);
        for bar in &self.bars {
            let end = |index: usize| number(bar.interval.map(|interval| interval[index]));
            table.push([bar.group.clone(), bar.label.clone(), number(bar.value), end(0), end(1), bar.note.clone()]);
        }
        table
    }

    fn draw(&self, area: &Area<'_>) -> DrawResult {
        area.draw_text(&fitted(&self.title, TITLE, WIDTH - 28), &style(TITLE, &INK, HPos::Left), (14, 20))?;
        area.draw_text(&fitted(&self.subtitle, TEXT, WIDTH - 28), &style(TEXT, &MUTED, HPos::Left), (14, 42))?;
        let left = 24 + Self::widest(self.bars.iter().map(|bar| bar.label.as_str()), WIDEST_LABEL);
        let note = Self::widest(self.bars.iter().map(|bar| bar.note.as_str()), WIDEST_NOTE);
        let bottom = TOP + self.height();
        let ends = self.bars.iter().flat_map(|bar| [bar.value].into_iter().chain(bar.interval.into_iter().flatten()));
        let [_, high] = range_of(ends.chain(self.reference_of(0)), [0.0, 1.0]);
        let high = if high > 0.0 { high } else { 1.0 };
        let field = Field::new([left, TOP, WIDTH - 80 - note, bottom], [0.0, high], [0.0, 1.0], XScale::Linear);
        self.draw_scale(area, &field, high)?;
        let mut y = TOP;
        for (index, bar) in self.bars.iter().enumerate() {
            if self.opens_group(index) {
                let name = fitted(&bar.group, TEXT, WIDTH - 28);
                area.draw_text(&name, &style(TEXT, &MUTED, HPos::Left), (14, y + GROUP / 2 + 3))?;
                y += GROUP;
            }
            self.draw_reference(area, &field, index, [y, y + ROW])?;
            draw_bar(area, bar, &field, y)?;
            y += ROW;
        }
        Ok(())
    }
}

impl Bars {
    fn draw_scale(&self, area: &Area<'_>, field: &Field, high: f64) -> DrawResult {
        let [left, top, right, bottom] = field.edges;
        let (marks, decimals) = ticks(0.0, high, ((right - left) / 70) as usize);
        for mark in marks {
            let (x, _) = field.at(mark, 0.0);
            area.draw(&PathElement::new(vec![(x, top), (x, bottom)], GRID))?;
            area.draw_text(&format!("{mark:.decimals$}"), &style(SMALL, &MUTED, HPos::Center), (x, bottom + 12))?;
        }
        area.draw_text(&self.x_label, &style(TEXT, &INK, HPos::Center), (i32::midpoint(left, right), bottom + 32))?;
        if let Some(Reference::At(value, name)) = &self.reference {
            let (x, _) = field.at(*value, 0.0);
            area.draw_text(name, &style(SMALL, &MUTED, HPos::Center), (x, top - 9))?;
        }
        Ok(())
    }

    /// The value that bar `index` is compared with.
    fn reference_of(&self, index: usize) -> Option<f64> {
        match self.reference {
            None => None,
            Some(Reference::At(value, _)) => Some(value),
            Some(Reference::FirstOfGroup) => {
                (0..=index).rev().find(|&index| self.opens_group(index)).map(|first| self.bars[first].value)
            }
        }
    }

    /// Draws the reference behind one bar: a line from top to bottom would cross the headings.
    fn draw_reference(&self, area: &Area<'_>, field: &Field, index: usize, [top, bottom]: [i32; 2]) -> DrawResult {
        if let Some(value) = self.reference_of(index).filter(|value| value.is_finite()) {
            let (x, _) = field.at(value, 0.0);
            area.draw(&dashed(vec![(x, top), (x, bottom)], MUTED.stroke_width(1)))?;
        }
        Ok(())
    }
}

fn draw_bar(area: &Area<'_>, bar: &Bar, field: &Field, top: i32) -> DrawResult {
    let middle = top + ROW / 2;
    let (left, right) = (field.edges[0], field.edges[2]);
    let label = fitted(&bar.label, TEXT, WIDEST_LABEL);
    area.draw_text(&label, &style(TEXT, &INK, HPos::Right), (left - 8, middle))?;
    if !bar.value.is_finite() {
        area.draw_text("no number", &style(SMALL, &MUTED, HPos::Left), (left + 6, middle))?;
        return Ok(());
    }
    let (end, _) = field.at(bar.value, 0.0);
    area.draw(&Rectangle::new([(left, top + 5), (end, top + ROW - 5)], bar.colour.mix(0.75).filled()))?;
    if let Some([low, high]) = bar.interval {
        let ([low, high], ink) = ([low, high].map(|value| field.at(value, 0.0).0), INK.stroke_width(1));
        area.draw(&PathElement::new(vec![(low, middle), (high, middle)], ink))?;
        for at in [low, high] {
            area.draw(&PathElement::new(vec![(at, middle - 4), (at, middle + 4)], ink))?;
        }
    }
    area.draw_text(&format!("{:.3}", bar.value), &style(TEXT, &INK, HPos::Left), (right + 12, middle))?;
    area.draw_text(&fitted(&bar.note, TEXT, WIDEST_NOTE), &style(TEXT, &MUTED, HPos::Left), (right + 60, middle))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::plot::series;

    #[test]
    fn bars_are_compared_with_one_value_or_with_the_first_of_their_group() {
        let bar = |group: &str, value: f64| Bar {
            group: group.to_owned(),
            label: String::new(),
            value,
            interval: None,
            note: String::new(),
            colour: series(0),
        };
        let mut bars = Bars {
            title: String::new(),
            subtitle: String::new(),
            x_label: String::new(),
            bars: vec![bar("a", 0.5), bar("a", 0.6), bar("b", 0.7), bar("b", 0.8)],
            reference: None,
        };
        let references = |bars: &Bars| (0..4).map(|index| bars.reference_of(index)).collect::<Vec<_>>();
        assert_eq!(references(&bars), [None; 4]);
        bars.reference = Some(Reference::At(0.25, "chance".to_owned()));
        assert_eq!(references(&bars), [Some(0.25); 4]);
        bars.reference = Some(Reference::FirstOfGroup);
        assert_eq!(references(&bars), [Some(0.5), Some(0.5), Some(0.7), Some(0.7)]);
    }
}
