//! The tree of a query.

use crate::gaia::value::Value;

#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(super) distinct: bool,
    pub(super) top: Option<usize>,
    pub(super) items: Vec<Item>,
    pub(super) from: Vec<From>,
    pub(super) filter: Option<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) having: Option<Expr>,
    pub(super) order: Vec<Order>,
    pub(super) offset: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Item {
    /// `*`, or `alias.*`.
    All(Option<String>),
    Value {
        expr: Expr,
        alias: Option<String>,
    },
}

/// A table of FROM; all but the first are joined to those before.
#[derive(Debug, Clone)]
pub(super) struct From {
    pub(super) source: Source,
    pub(super) alias: String,
    pub(super) join: Option<Join>,
}

#[derive(Debug, Clone)]
pub(super) enum Source {
    Table(String),
    Query(Box<Query>),
}

#[derive(Debug, Clone)]
pub(super) struct Join {
    pub(super) is_left: bool,
    pub(super) on: On,
}

#[derive(Debug, Clone)]
pub(super) enum On {
    Expr(Expr),
    Using(Vec<String>),
    Natural,
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) expr: Expr,
    pub(super) is_descending: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Literal(Value),
    /// As written: `column`, `table.column`, `schema.table.column`.
    Name(Vec<String>),
    /// A name that was found.
    At {
        source: usize,
        column: usize,
    },
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Between {
        value: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
    },
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        is_caseless: bool,
    },
    IsNull(Box<Expr>),
    Call {
        name: String,
        arguments: Vec<Expr>,
    },
    Aggregate {
        kind: Aggregate,
        argument: Option<Box<Expr>>,
        distinct: bool,
    },
    /// Whether a point lies within a region: 1 or 0.
    Contains {
        point: [Box<Expr>; 2],
        region: Region,
    },
    /// Degrees between two points.
    Distance {
        from: [Box<Expr>; 2],
        to: [Box<Expr>; 2],
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Region {
    Circle([Box<Expr>; 3]),
    Box([Box<Expr>; 4]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Join,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Average,
    Minimum,
    Maximum,
    Sum,
}

impl Expr {
    /// The expressions directly within it.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Literal(_) | Self::Name(_) | Self::At { .. } => Vec::new(),
            Self::Not(inner) | Self::Negative(inner) | Self::IsNull(inner) => vec![inner],
            Self::Binary(_, left, right) => vec![left, right],
            Self::Between { value, low, high } => vec![value, low, high],
            Self::In { value, list } => std::iter::once(&**value).chain(list).collect(),
            Self::Like { value, pattern, .. } => vec![value, pattern],
            Self::Call { arguments, .. } => arguments.iter().collect(),
            Self::Aggregate { argument, .. } => argument.iter().map(|inner| &**inner).collect(),
            Self::Contains { point, region } => {
                let corners: &[Box<Self>] = match region {
                    Region::Circle(parts) => parts,
                    Region::Box(parts) => parts,
                };
                point.iter().chain(corners).map(|part| &**part).collect()
            }
            Self::Distance { from, to } => from.iter().chain(to).map(|part| &**part).collect(),
        }
    }

    /// The same, to be changed.
    pub(super) fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Literal(_) | Self::Name(_) | Self::At { .. } => Vec::new(),
            Self::Not(inner) | Self::Negative(inner) | Self::IsNull(inner) => vec![inner],
            Self::Binary(_, left, right) => vec![left, right],
            Self::Between { value, low, high } => vec![value, low, high],
            Self::In { value, list } => std::iter::once(&mut **value).chain(list).collect(),
            Self::Like { value, pattern, .. } => vec![value, pattern],
            Self::Call { arguments, .. } => arguments.iter_mut().collect(),
            Self::Aggregate { argument, .. } => {
                argument.iter_mut().map(|inner| &mut **inner).collect()
            }
            Self::Contains { point, region } => {
                let corners: &mut [Box<Self>] = match region {
                    Region::Circle(parts) => parts,
                    Region::Box(parts) => parts,
                };
                point
                    .iter_mut()
                    .chain(corners)
                    .map(|part| &mut **part)
                    .collect()
            }
            Self::Distance { from, to } => {
                from.iter_mut().chain(to).map(|part| &mut **part).collect()
            }
        }
    }

    pub(super) fn has_aggregate(&self) -> bool {
        matches!(self, Self::Aggregate { .. })
            || self.children().into_iter().any(Self::has_aggregate)
    }
}
