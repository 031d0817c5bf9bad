"""For debuggers and coverage: a function, a loop and a branch that is never taken."""


def total(numbers):
    result = 0
    for number in numbers:
        result += number
    if result < 0:
        return None
    return result


print("total", total(range(5)))
