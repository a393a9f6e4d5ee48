//! What is drawn: data only, for [`svg`] to draw.

pub(crate) mod svg;

use crate::{
    sample::{SHARES, Samples},
    words,
};

/// A drawing.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The file's name, without its ending.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: Kind,
}

impl Plot {
    pub(crate) fn bars(id: impl Into<String>, title: impl Into<String>, bars: Bars) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            kind: Kind::Bars(bars),
        }
    }

    pub(crate) fn lines(id: impl Into<String>, title: impl Into<String>, lines: Lines) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            kind: Kind::Lines(lines),
        }
    }

    /// How samples are distributed, their tail included.
    pub(crate) fn distributions(
        id: impl Into<String>,
        title: impl Into<String>,
        all: &[(&str, Tone, &Samples)],
    ) -> Self {
        let series = all.iter().map(|(name, tone, samples)| {
            let quantiles = samples.summary().map(|summary| summary.quantiles);
            let shares = SHARES.iter().map(|share| *share as f64);
            let points = quantiles.map(|values| shares.zip(values).collect());
            Series::new(*name, *tone, points.unwrap_or_default())
        });
        let lines = Lines {
            x: Axis {
                label: "share of the calls that took no longer",
                scale: Scale::Nines,
                unit: Unit::Share,
            },
            y: Axis {
                label: "time",
                scale: Scale::Log,
                unit: Unit::Time,
            },
            series: series.collect(),
        };
        Self::lines(id, title, lines)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Bars(Bars),
    Lines(Lines),
}

/// Groups of bars on a logarithmic scale.
#[derive(Clone, Debug)]
pub(crate) struct Bars {
    pub(crate) unit: Unit,
    /// What the bars of every group stand for.
    pub(crate) names: Vec<(String, Tone)>,
    /// The groups, each with one value for each name, where there is one.
    pub(crate) groups: Vec<(String, Vec<Option<f64>>)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) label: &'static str,
    pub(crate) scale: Scale,
    pub(crate) unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    Linear,
    Log,
    /// For shares of a thousand: as much room for the last hundred as for the last
    /// ten, so that the tail is seen.
    Nines,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Count,
    /// Microseconds.
    Time,
    /// Thousandths, shown as percent.
    Share,
}

impl Unit {
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Bytes => words::bytes(value as u64),
            Self::Count => words::count(value),
            Self::Share => format!("{} %", value / 10.0),
            Self::Time => words::time(value),
        }
    }

    /// A round figure, at a tick.
    pub(crate) fn tick(self, value: f64) -> String {
        if value == 0.0 && self == Self::Bytes {
            return "0".to_owned();
        }
        let text = self.show(value);
        match text.split_once(' ') {
            Some((figure, unit)) if figure.contains('.') => {
                let figure = figure.trim_end_matches('0').trim_end_matches('.');
                format!("{figure} {unit}")
            }
            _ => text,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) tone: Tone,
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn new(name: impl Into<String>, tone: Tone, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            tone,
            dashed: false,
            points,
        }
    }

    pub(crate) fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }
}

/// The median, if there is one.
pub(crate) fn median(samples: &Samples) -> Option<f64> {
    Some(samples.summary()?.p50)
}

/// What a colour stands for, the same in every drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Direct,
    First,
    Limit,
    Pooled,
}

impl Tone {
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::First => "first",
            Self::Limit => "limit",
            Self::Pooled => "pooled",
        }
    }
}
