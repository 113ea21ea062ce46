//! Expressions, from the loosest binding to the tightest.

use super::super::AdqlError;
use super::super::functions;
use super::super::lexer::Word;
use super::super::tree::{Aggregate, Expr, Operator, Region};
use super::Parser;
use crate::gaia::value::Value;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr, AdqlError> {
        self.deeper()?;
        let mut left = self.conjunction()?;
        while self.takes("or") {
            left = binary(Operator::Or, left, self.conjunction()?);
        }
        self.depth -= 1;
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expr, AdqlError> {
        let mut left = self.negation()?;
        while self.takes("and") {
            left = binary(Operator::And, left, self.negation()?);
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr, AdqlError> {
        if !self.takes("not") {
            return self.comparison();
        }
        self.deeper()?;
        let inner = self.negation()?;
        self.depth -= 1;
        Ok(Expr::Not(Box::new(inner)))
    }

    fn comparison(&mut self) -> Result<Expr, AdqlError> {
        let left = self.sum()?;
        for (sign, operator) in COMPARISONS {
            if self.takes_sign(sign) {
                return Ok(binary(operator, left, self.sum()?));
            }
        }
        if self.takes("is") {
            let is_not = self.takes("not");
            self.keyword("null")?;
            return Ok(negated(is_not, Expr::IsNull(Box::new(left))));
        }
        let is_not = self.takes("not");
        let value = Box::new(left);
        if self.takes("between") {
            let low = Box::new(self.sum()?);
            self.keyword("and")?;
            let high = Box::new(self.sum()?);
            return Ok(negated(is_not, Expr::Between { value, low, high }));
        }
        if self.takes("in") {
            self.sign("(")?;
            if self.is_keyword("select") {
                return Err(self.error("IN with a query is not understood"));
            }
            let list = self.list(Self::sum)?;
            self.sign(")")?;
            return Ok(negated(is_not, Expr::In { value, list }));
        }
        let is_caseless = self.takes("ilike");
        if is_caseless || self.takes("like") {
            let pattern = Box::new(self.sum()?);
            return Ok(negated(
                is_not,
                Expr::Like {
                    value,
                    pattern,
                    is_caseless,
                },
            ));
        }
        if is_not {
            Err(self.unexpected("BETWEEN, IN or LIKE"))
        } else {
            Ok(*value)
        }
    }

    fn sum(&mut self) -> Result<Expr, AdqlError> {
        let mut left = self.product()?;
        loop {
            let operator = if self.takes_sign("+") {
                Operator::Add
            } else if self.takes_sign("-") {
                Operator::Subtract
            } else if self.takes_sign("||") {
                Operator::Join
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.product()?);
        }
    }

    fn product(&mut self) -> Result<Expr, AdqlError> {
        let mut left = self.factor()?;
        loop {
            let operator = if self.takes_sign("*") {
                Operator::Multiply
            } else if self.takes_sign("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = binary(operator, left, self.factor()?);
        }
    }

    fn factor(&mut self) -> Result<Expr, AdqlError> {
        self.deeper()?;
        let factor = if self.takes_sign("-") {
            match self.factor()? {
                Expr::Literal(Value::Int(value)) => Expr::Literal(Value::Int(value.wrapping_neg())),
                Expr::Literal(Value::Float(value)) => Expr::Literal(Value::Float(-value)),
                inner => Expr::Negative(Box::new(inner)),
            }
        } else if self.takes_sign("+") {
            self.factor()?
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(factor)
    }

    fn primary(&mut self) -> Result<Expr, AdqlError> {
        match self.peek().cloned() {
            Some(Word::Number(text)) => self.number(&text),
            Some(Word::Text(text)) => {
                self.next += 1;
                Ok(Expr::Literal(Value::text(text)))
            }
            Some(Word::Sign("(")) => {
                self.next += 1;
                if self.is_keyword("select") {
                    return Err(self.error("a query within an expression is not understood"));
                }
                let inner = self.expression()?;
                self.sign(")")?;
                Ok(inner)
            }
            Some(Word::Name(name))
                if self
                    .tokens
                    .get(self.next + 1)
                    .is_some_and(|token| token.word == Word::Sign("(")) =>
            {
                self.call(&name.to_ascii_uppercase())
            }
            Some(Word::Name(name)) => match name.to_ascii_lowercase().as_str() {
                "null" => self.literal(Value::Null),
                "true" => self.literal(Value::Bool(true)),
                "false" => self.literal(Value::Bool(false)),
                word if super::RESERVED.contains(&word) => Err(self.unexpected("a value")),
                _ => self.path(),
            },
            Some(Word::Quoted(_)) => self.path(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn literal(&mut self, value: Value) -> Result<Expr, AdqlError> {
        self.next += 1;
        Ok(Expr::Literal(value))
    }

    fn number(&mut self, text: &str) -> Result<Expr, AdqlError> {
        let integer = text.parse().map(Value::Int).ok();
        let number = integer.or_else(|| text.parse().map(Value::Float).ok());
        let number = number.ok_or_else(|| self.error(&format!("`{text}` is no number")))?;
        self.literal(number)
    }

    fn path(&mut self) -> Result<Expr, AdqlError> {
        let mut path = vec![self.name()?];
        while self.takes_sign(".") {
            path.push(self.name()?);
        }
        Ok(Expr::Name(path))
    }

    fn call(&mut self, name: &str) -> Result<Expr, AdqlError> {
        if let Some(kind) = aggregate(name) {
            return self.aggregate(kind);
        }
        match name {
            "CONTAINS" => {
                self.next += 2;
                let point = self.point()?;
                self.sign(",")?;
                let region = self.region()?;
                self.sign(")")?;
                return Ok(Expr::Contains { point, region });
            }
            "DISTANCE" => return self.distance(),
            _ => {}
        }
        let Some(n_arguments) = functions::n_arguments(name) else {
            return Err(self.error(&format!("the function `{name}` is not understood")));
        };
        self.next += 2;
        let arguments = if self.is_sign(")") {
            Vec::new()
        } else {
            self.list(Self::expression)?
        };
        self.sign(")")?;
        if !n_arguments.contains(&arguments.len()) {
            return Err(self.error(&format!(
                "`{name}` does not take {} arguments",
                arguments.len()
            )));
        }
        Ok(Expr::Call {
            name: name.to_owned(),
            arguments,
        })
    }

    fn aggregate(&mut self, kind: Aggregate) -> Result<Expr, AdqlError> {
        self.next += 2;
        let distinct = self.takes("distinct");
        let argument = if kind == Aggregate::Count && self.takes_sign("*") {
            None
        } else {
            Some(Box::new(self.expression()?))
        };
        self.sign(")")?;
        Ok(Expr::Aggregate {
            kind,
            argument,
            distinct,
        })
    }

    /// `DISTANCE(POINT(…), POINT(…))`, or the four angles of ADQL 2.1.
    fn distance(&mut self) -> Result<Expr, AdqlError> {
        self.next += 2;
        let is_points = self.is_keyword("point");
        let next_point = |parser: &mut Self| {
            if is_points {
                parser.point()
            } else {
                parser.parts()
            }
        };
        let from = next_point(self)?;
        self.sign(",")?;
        let to = next_point(self)?;
        self.sign(")")?;
        Ok(Expr::Distance { from, to })
    }

    fn point(&mut self) -> Result<[Box<Expr>; 2], AdqlError> {
        self.keyword("point")?;
        self.shape()
    }

    fn region(&mut self) -> Result<Region, AdqlError> {
        if self.takes("circle") {
            return self.circle().map(Region::Circle);
        }
        if self.takes("box") {
            return self.shape().map(Region::Box);
        }
        Err(self.unexpected("CIRCLE or BOX"))
    }

    /// `('ICRS', ra, dec, r)`, `(ra, dec, r)` or `(POINT(…), r)`.
    fn circle(&mut self) -> Result<[Box<Expr>; 3], AdqlError> {
        let is_point = matches!(self.tokens.get(self.next + 1).map(|token| &token.word),
            Some(Word::Name(name)) if name.eq_ignore_ascii_case("point"));
        if !is_point {
            return self.shape();
        }
        self.sign("(")?;
        let [ra, dec] = self.point()?;
        self.sign(",")?;
        let radius = self.sum()?;
        self.sign(")")?;
        Ok([ra, dec, Box::new(radius)])
    }

    /// The numbers of a shape in brackets, after a frame if there is one.
    fn shape<const N: usize>(&mut self) -> Result<[Box<Expr>; N], AdqlError> {
        self.sign("(")?;
        if let Some(Word::Text(frame)) = self.peek() {
            let frame = frame.trim().to_ascii_uppercase();
            if !frame.is_empty() && frame != "ICRS" && !frame.starts_with("ICRS ") {
                return Err(self.error(&format!(
                    "the frame `{frame}` is not understood; it is ICRS here"
                )));
            }
            self.next += 1;
            self.sign(",")?;
        }
        let parts = self.parts()?;
        self.sign(")")?;
        Ok(parts)
    }

    fn parts<const N: usize>(&mut self) -> Result<[Box<Expr>; N], AdqlError> {
        let mut parts = Vec::with_capacity(N);
        for n in 0..N {
            if n > 0 {
                self.sign(",")?;
            }
            parts.push(Box::new(self.sum()?));
        }
        parts
            .try_into()
            .map_err(|_| self.error("a shape of another length"))
    }
}

const COMPARISONS: [(&str, Operator); 7] = [
    ("=", Operator::Equal),
    ("<>", Operator::Unequal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessEqual),
    (">=", Operator::GreaterEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "COUNT" => Aggregate::Count,
        "AVG" => Aggregate::Average,
        "MIN" => Aggregate::Minimum,
        "MAX" => Aggregate::Maximum,
        "SUM" => Aggregate::Sum,
        _ => return None,
    })
}

fn binary(operator: Operator, left: Expr, right: Expr) -> Expr {
    Expr::Binary(operator, Box::new(left), Box::new(right))
}

fn negated(is_not: bool, expr: Expr) -> Expr {
    if is_not {
        Expr::Not(Box::new(expr))
    } else {
        expr
    }
}
