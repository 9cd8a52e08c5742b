#include "metrics/prometheus_text.h"

#include <gtest/gtest.h>

namespace httpteleport::metrics {
namespace {

TEST(PrometheusText, WritesFamiliesAndTheirSamples) {
  PrometheusText text;
  text.family("a_total", "counter");
  text.sample(3);
  text.family("b", "gauge");
  text.sample(PrometheusText::label("x", "1") + "," + PrometheusText::label("y", "2"), -4);
  text.sample("x=\"1\"", "y=\"3\"", 5);
  text.line("b_sum", "0.5");
  EXPECT_EQ(text.take(),
            "# TYPE a_total counter\na_total 3\n"
            "# TYPE b gauge\nb{x=\"1\",y=\"2\"} -4\nb{x=\"1\",y=\"3\"} 5\nb_sum 0.5\n");
}

TEST(PrometheusText, EscapesWhatWouldEndALabel) {
  EXPECT_EQ(PrometheusText::label("a", "x\"y\\z\n"), "a=\"x\\\"y\\\\z\\n\"");
}

}  // namespace
}  // namespace httpteleport::metrics
