// Runs the cases named on the command line, one after the other; without any, lists all. 0: all went well. 3: one ended
// with an exception, whose text goes to standard output for the caller to judge.
#include <cstring>
#include <exception>

#include "check.h"

namespace {

const test::Case* find(const char* name) {
  for (const test::Case& entry : test::cases()) {
    if (std::strcmp(entry.name, name) == 0) return &entry;
  }
  return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    for (const test::Case& entry : test::cases()) std::puts(entry.name);
  }
  for (int i = 1; i < count; ++i) {
    const test::Case* entry = find(arguments[i]);
    if (!entry) return 2;
    try {
      entry->run();
    } catch (const std::exception& error) {
      std::printf("%s: %s\n", entry->name, error.what());
      return 3;
    }
  }
  return 0;
}
