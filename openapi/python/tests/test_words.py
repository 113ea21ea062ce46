"""Tables and numbers as a notebook shows them. Standard library only."""

import unittest

import gantry


class Words(unittest.TestCase):
    def test_one_is_singular_and_sizes_have_the_unit_that_suits_them(self):
        self.assertEqual([gantry.counted(n, "file") for n in (0, 1, 2, 1024)], ["0 files", "1 file", "2 files", "1,024 files"])
        self.assertEqual(gantry.counted(2, "series", "series"), "2 series")
        sizes = [gantry.sized(n) for n in (1, 999, 1000, 12_345, 999_999, 27_317_348, 1_811_709_771)]
        self.assertEqual(sizes, ["1 byte", "999 bytes", "1.0 kB", "12.3 kB", "1.0 MB", "27.3 MB", "1.8 GB"])

    def test_a_table_leaves_out_what_nobody_states_and_runs_no_markup(self):
        table = gantry.Table(["", "product", "unit"], [[0, "<script>", None], [1, "b", ""]])
        self.assertEqual(table.titles, ["", "product"])
        self.assertIn("&lt;script&gt;", table._repr_html_())
        self.assertNotIn("<script>", table._repr_html_())
        self.assertEqual(repr(table), "  product\n0  <script>\n1  b")

    def test_gaps_are_told_by_station_and_reason_and_not_without_end(self):
        gaps = [{"station": "BRUX00BEL", "day": f"2023-{day:03d}", "reason": "not-at-archive", "series": "gssc:~x"} for day in range(1, 20)]
        gaps += [{"solution": "COD0OPSFIN", "content": "ATT", "day": "2023-001", "reason": "not-yet-due"}, {"series": "gssc:~y", "day": "2023-002", "reason": "station-inactive"}]
        told = gantry._words.gaps_told(gaps)
        days = ", ".join(f"2023-{day:03d}" for day in range(1, 16))
        self.assertEqual(told, f"BRUX00BEL {days} and 4 days more (not at archive); COD0OPSFIN ATT 2023-001 (not yet due); gssc:~y 2023-002 (station inactive)")
        many = [{"station": f"S{number:03d}", "day": "2023-001", "reason": "not-at-archive"} for number in range(100)]
        self.assertTrue(gantry._words.gaps_told(many).endswith("S019 2023-001 (not at archive); and 80 series more"))


if __name__ == "__main__":
    unittest.main()
